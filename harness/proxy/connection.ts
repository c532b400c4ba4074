import { connect, type Socket } from "node:net";
import type { Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import { openLink, type Link } from "./link.ts";
import type { ToxicInstance } from "./toxic-instance.ts";

/** A client's connection and the one to the upstream that it stands for, with a link each way. */
export interface Connection {
  setToxics(toxics: readonly ToxicInstance[]): void;
  /** Ends both sides at once; waits for nobody. */
  cut(): void;
}

export interface ConnectionOptions {
  readonly client: Socket;
  readonly upstream: Address;
  readonly random: Random;
  readonly onUpstreamBytes: (count: number) => void;
  readonly onDownstreamBytes: (count: number) => void;
  readonly onClosed: () => void;
}

/** The client's socket must be paused, and both sides allow half-open: an end is passed on like a byte. */
export function openConnection(options: ConnectionOptions): Connection {
  const { client, random } = options;
  const server = connect({ ...options.upstream, allowHalfOpen: true, noDelay: true });
  client.setNoDelay(true);
  let isOver = false;

  const over = (end: (socket: Socket) => void): void => {
    if (isOver) return;
    isOver = true;
    links.upstream.discard();
    links.downstream.discard();
    end(client);
    end(server);
    options.onClosed();
  };
  const cut = (): void => over((socket) => void socket.destroy());
  const reset = (): void => over((socket) => void socket.resetAndDestroy());
  const link = (source: Socket, sink: Socket, onBytes: (count: number) => void): Link =>
    openLink({
      source,
      sink,
      random: random.fork(source === client ? "up" : "down"),
      onBytes,
      close: cut,
      reset,
    });
  const links = {
    upstream: link(client, server, options.onUpstreamBytes),
    downstream: link(server, client, options.onDownstreamBytes),
  };
  client.pause();
  server.once("connect", () => client.resume());
  for (const socket of [client, server]) {
    // A refused upstream and a reset on either side reach the other side as a reset, as they would without a proxy.
    socket.on("error", reset);
    socket.on("close", () => {
      if (client.destroyed && server.destroyed) cut();
      else if (!isOver && socket.errored) reset();
    });
  }
  return {
    cut,
    setToxics(toxics) {
      links.upstream.setToxics(toxics.filter(({ stream }) => stream === "upstream"));
      if (!isOver) links.downstream.setToxics(toxics.filter(({ stream }) => stream === "downstream"));
    },
  };
}
