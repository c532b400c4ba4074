import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import type { Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import { openConnection, type Connection } from "./connection.ts";
import type { FaultEnd, FaultLog, FaultRecord } from "./fault-log.ts";
import type { ToxicInstance } from "./toxic-instance.ts";

/**
 * One proxy: a listener, what it stands for, and the toxics upon it.
 *
 *   client ──▶ listen ─┬─ link upstream   ─[toxics]─▶ upstream
 *                      └◀ link downstream ◀[toxics]─
 */
export interface Proxy {
  readonly name: string;
  readonly listen: Address;
  readonly upstream: Address;
  readonly isEnabled: boolean;
  /** The lease under which it is disabled, if it is disabled under one. */
  readonly disabledUnder: string | undefined;
  readonly toxics: readonly ToxicInstance[];
  readonly traffic: Readonly<Traffic>;
  /** Adds a toxic, or takes the place of the one of that name. Every connection feels it at once. */
  putToxic(toxic: ToxicInstance): void;
  /** @returns false when there is none of that name */
  removeToxic(name: string, by: FaultEnd): boolean;
  /** Listens, on the port that it had before. @throws the listener's error, such as EADDRINUSE */
  enable(by?: FaultEnd): Promise<void>;
  /** Closes the listener and cuts every connection. */
  disable(lease?: string): void;
  /** Moves it; connections are cut. @throws the listener's error */
  move(listen: Address, upstream: Address): Promise<void>;
  close(): void;
}

interface Traffic {
  connections: number;
  openConnections: number;
  upstreamBytes: number;
  downstreamBytes: number;
}

export interface ProxyOptions {
  readonly name: string;
  readonly listen: Address;
  readonly upstream: Address;
  readonly random: Random;
  readonly log: FaultLog;
}

/** A proxy that is not enabled yet. */
export function createProxy(options: ProxyOptions): Proxy {
  const { name, log } = options;
  const random = options.random.fork(name);
  const traffic: Traffic = { connections: 0, openConnections: 0, upstreamBytes: 0, downstreamBytes: 0 };
  const open = new Set<Connection>();
  let { listen, upstream } = options;
  let server: Server | undefined;
  let toxics: readonly ToxicInstance[] = [];
  let down: FaultRecord | undefined;

  const proxy: Proxy = {
    name,
    get listen() {
      return listen;
    },
    get upstream() {
      return upstream;
    },
    get isEnabled() {
      return server !== undefined;
    },
    get disabledUnder() {
      return down?.lease ?? undefined;
    },
    get toxics() {
      return toxics;
    },
    traffic,
    putToxic(toxic) {
      const index = toxics.findIndex((existing) => existing.name === toxic.name);
      toxics = index === -1 ? [...toxics, toxic] : toxics.with(index, toxic);
      spread();
    },
    removeToxic(toxicName, by) {
      const toxic = toxics.find((existing) => existing.name === toxicName);
      if (!toxic) return false;
      toxics = toxics.filter((existing) => existing !== toxic);
      log.end(toxic.record, by);
      spread();
      return true;
    },
    async enable(by = "removed") {
      if (server) return;
      const listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, accept);
      listener.listen({ host: listen.host, port: listen.port });
      await once(listener, "listening");
      server = listener;
      const address = listener.address();
      if (address !== null && typeof address === "object") listen = { host: listen.host, port: address.port };
      if (down) log.end(down, by);
      down = undefined;
    },
    disable(lease) {
      if (!server) return;
      stopListening();
      down = log.begin({
        proxy: name,
        name: "down",
        type: "down",
        stream: null,
        toxicity: null,
        attributes: {},
        lease: lease ?? null,
      });
      down.affectedConnections = open.size;
      cutAll();
    },
    async move(toListen, toUpstream) {
      const wasEnabled = server !== undefined;
      stopListening();
      cutAll();
      listen = toListen;
      upstream = toUpstream;
      if (wasEnabled) await proxy.enable();
    },
    close() {
      for (const { record } of toxics) log.end(record, "proxy-changed");
      if (down) log.end(down, "proxy-changed");
      toxics = [];
      stopListening();
      cutAll();
    },
  };
  return proxy;

  function accept(client: Socket): void {
    traffic.connections += 1;
    const connection = openConnection({
      client,
      upstream,
      random: random.fork(String(traffic.connections)),
      onUpstreamBytes: (count) => (traffic.upstreamBytes += count),
      onDownstreamBytes: (count) => (traffic.downstreamBytes += count),
      onClosed: () => {
        open.delete(connection);
        traffic.openConnections = open.size;
      },
    });
    open.add(connection);
    traffic.openConnections = open.size;
    if (toxics.length > 0) connection.setToxics(toxics);
  }

  function spread(): void {
    for (const connection of [...open]) connection.setToxics(toxics);
  }

  function stopListening(): void {
    server?.close();
    server = undefined;
  }

  function cutAll(): void {
    for (const connection of [...open]) connection.cut();
  }
}
