import { connect, type Socket } from "node:net";
import type { Random } from "../base/random.ts";
import type { Protocol } from "./call-fault.ts";
import { Link } from "./link.ts";
import type { Session } from "./session.ts";
import { sharedLookup } from "./shared-lookup.ts";
import { isCallToxic, takes, type ByteToxic, type CallToxic, type Stream, type Toxic } from "./toxic.ts";
import type { Ending } from "./toxics/toxic-kind.ts";
import type { Upstream } from "./upstreams.ts";

export interface ConnectionOptions {
  /** Paused: nothing is read of it before the upstream answers. */
  readonly client: Socket;
  /** One at least: each is connected to only when those before it could not be. */
  readonly upstreams: readonly Upstream[];
  /** A stream of this connection's own. */
  readonly random: Random;
  /** The toxics in place, in order of creation. */
  readonly toxics: () => readonly Toxic[];
  readonly onCarried: (stream: Stream, sizeBytes: number) => void;
  /** Told once, when both sockets are closed; `hadUpstream` is whether an upstream ever answered. */
  readonly onClosed: (hadUpstream: boolean) => void;
}

/** What is read from an upstream at once. */
const readBufferBytes = 64 * 1_024;

const streams = ["upstream", "downstream"] as const;

/**
 * A client and its upstream.
 *
 *            ┌──→ link (upstream) ────┐
 *   client ──┤                        ├── upstream
 *            └──← link (downstream) ──┘
 *
 * Where faults of calls are in place, a session for each of their protocols stands in both links.
 * The links end one by one (half-close). A socket that breaks breaks the other, after what its link still holds.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  /** Those that are left to try. */
  readonly #candidates: ArrayIterator<Upstream>;
  /** The one that is being connected to, or has been. */
  #upstream: Upstream | undefined;
  #upstreamSocket: Socket | undefined;
  /** From the moment on that the upstream answers. */
  #links: Readonly<Record<Stream, Link>> | undefined;
  readonly #sessions = new Map<Protocol, Session>();
  readonly #dialled = new Set<Socket>();
  #lastCarried: Stream | undefined;
  #isOver = false;
  #closedSockets = 0;

  constructor(options: ConnectionOptions) {
    const { client, upstreams } = options;
    this.#options = options;
    this.#candidates = upstreams.values();
    client.on("error", () => undefined); // `close` follows, and tells
    client.on("close", (hadError) => this.#onSocketClosed("upstream", hadError));
    this.#connectNext();
  }

  /** @returns false when there is none left */
  #connectNext(): boolean {
    const { value: upstream } = this.#candidates.next();
    if (!upstream) return false;
    let readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
    const socket = connect({
      ...upstream.address,
      allowHalfOpen: true,
      noDelay: true,
      lookup: sharedLookup,
      onread: {
        buffer: () => readBuffer,
        callback: (sizeBytes, buffer) => {
          // A buffer that is new each time, as sockets have it unless told otherwise, halves what one connection carries.
          if (this.#links?.downstream.borrow(Buffer.from(buffer.buffer, 0, sizeBytes)) === true)
            readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
          return true;
        },
      },
    });
    this.#upstream = upstream;
    this.#upstreamSocket = socket;
    upstream.openConnections += 1;
    socket.once("connect", () => this.#begin(socket));
    socket.on("error", () => undefined); // `close` follows, and tells
    socket.on("close", (hadError) => {
      upstream.openConnections -= 1;
      if (!this.#links && !this.#isOver) {
        upstream.refused();
        if (this.#connectNext()) return;
      }
      this.#onSocketClosed("downstream", hadError);
    });
    return true;
  }

  #begin(socket: Socket): void {
    const { client, random, onCarried } = this.#options;
    const link = (stream: Stream, source: Socket, destination: Socket): Link =>
      new Link({
        stream,
        connection: this,
        source,
        destination,
        random: random.fork(stream),
        onCarried: (sizeBytes) => {
          this.#lastCarried = stream;
          onCarried(stream, sizeBytes);
        },
        onEnding: (ending) => this.#end(ending, source, destination),
      });
    const links = {
      upstream: link("upstream", client, socket),
      downstream: link("downstream", socket, client),
    };
    this.#links = links;
    this.apply();
    client.on("data", (chunk: Buffer) => links.upstream.take(chunk));
    for (const stream of streams) links[stream].start();
  }

  /** The one that it is connected to, or is being connected to. */
  get upstream(): Upstream | undefined {
    return this.#upstream;
  }

  /** Bytes read so far from the source of each stream. */
  get receivedBytes(): Readonly<Record<Stream, number>> {
    return { upstream: this.#options.client.bytesRead, downstream: this.#upstreamSocket?.bytesRead ?? 0 };
  }

  /** Makes both links, and the sessions in them, match the toxics in place. */
  apply(): void {
    if (!this.#links || this.#isOver) return;
    const toxics = this.#options.toxics();
    const ofBytes = toxics.filter((toxic): toxic is ByteToxic => !isCallToxic(toxic));
    for (const stream of streams) {
      this.#links[stream].apply(ofBytes.filter((toxic) => toxic.stream === stream));
      if (this.#isOver) return;
    }
    const ofCalls = toxics.filter(isCallToxic).filter((toxic) => this.#takes(toxic));
    for (const { kind } of ofCalls) this.#openSession(kind.protocol, this.#links);
    for (const [protocol, session] of this.#sessions)
      session.apply(ofCalls.filter(({ kind }) => kind.protocol === protocol));
  }

  /** A toxic's attributes have changed. */
  update(toxic: Toxic): void {
    if (!isCallToxic(toxic)) this.#links?.[toxic.stream].update(toxic);
  }

  /** Closes both sockets now, whatever they still had to send. */
  cut(): void {
    this.#over();
    for (const socket of this.#sockets()) socket.destroy();
  }

  /** An ending has come through a link. */
  #end(ending: Ending, source: Socket, destination: Socket): void {
    if (this.#isOver) return;
    switch (ending) {
      case "fin":
        destination.end();
        return;
      case "close":
        this.#over();
        source.destroy();
        // What was passed on before is delivered first; what the destination sends meanwhile is thrown away.
        destination.end(() => destination.destroy());
        return;
      case "reset":
        this.#over();
        for (const socket of this.#sockets()) reset(socket);
        return;
    }
  }

  #takes(toxic: CallToxic): boolean {
    const isTaken = takes(toxic, this.#options.random.fork(toxic.name));
    toxic.fault.matchConnection(this);
    if (isTaken) toxic.fault.drawConnection(this);
    return isTaken;
  }

  #openSession(protocol: Protocol, links: Readonly<Record<Stream, Link>>): void {
    if (this.#sessions.has(protocol)) return;
    const upstream = links.upstream.openPlace();
    const downstream = links.downstream.openPlace();
    const session = protocol.openSession({
      outlets: { upstream: upstream.outlet, downstream: downstream.outlet },
      lastCarried: this.#lastCarried,
      connection: this,
      dial: () => this.#dial(),
    });
    this.#sessions.set(protocol, session);
    upstream.occupy(session.upstream);
    downstream.occupy(session.downstream);
  }

  #dial(): Socket {
    if (!this.#upstream) throw new Error("a session without an upstream");
    const socket = connect({ ...this.#upstream.address, noDelay: true, lookup: sharedLookup });
    this.#dialled.add(socket);
    socket.on("error", () => undefined); // `close` follows, and tells
    socket.once("close", () => this.#dialled.delete(socket));
    return socket;
  }

  #over(): void {
    this.#isOver = true;
    for (const socket of this.#dialled) socket.destroy();
    for (const stream of streams) this.#links?.[stream].drop();
  }

  /** @param stream the one whose source was the socket */
  #onSocketClosed(stream: Stream, hadError: boolean): void {
    this.#closedSockets += 1;
    if (this.#closedSockets === 2) {
      this.#over();
      this.#options.onClosed(this.#links !== undefined);
      return;
    }
    if (!this.#links) {
      // Refused, unreachable or without an address: a caller that was let in can only be told so by a reset.
      if (stream === "downstream") this.#options.client.resetAndDestroy();
      return this.cut();
    }
    const link = this.#links[stream];
    this.#links[stream === "upstream" ? "downstream" : "upstream"].drop(); // nobody is left to take what it carries
    if (hadError) link.end("reset");
    else if (!link.hasEnded) link.end("close");
  }

  #sockets(): readonly Socket[] {
    return [this.#options.client, ...(this.#upstreamSocket ? [this.#upstreamSocket] : [])];
  }
}

function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // A socket that is just sending its FIN refuses to be reset, and Node then loses it: open for ever, and the process
  // cannot end. What it had to send is with the system already, so that takes one turn of the event loop.
  const isSendingFin = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (isSendingFin) socket.once("finish", () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}
