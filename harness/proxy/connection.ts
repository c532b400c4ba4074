import { connect, type Socket } from "node:net";
import type { Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import type { Protocol } from "./call-fault.ts";
import { Link } from "./link.ts";
import type { Session } from "./session.ts";
import { sharedLookup } from "./shared-lookup.ts";
import { isCallToxic, takes, type ByteToxic, type CallToxic, type Stream, type Toxic } from "./toxic.ts";
import type { Ending } from "./toxics/toxic-kind.ts";

export interface ConnectionOptions {
  /** Paused: nothing is read of it before the upstream answers. */
  readonly client: Socket;
  readonly upstream: Address;
  /** A stream of this connection's own. */
  readonly random: Random;
  /** The toxics in place, in order of creation. */
  readonly toxics: () => readonly Toxic[];
  readonly onCarried: (stream: Stream, sizeBytes: number) => void;
  /** Told once, when both sockets are closed; `hadUpstream` is whether the upstream ever answered. */
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
  readonly #upstream: Socket;
  readonly #links: Readonly<Record<Stream, Link>>;
  readonly #sessions = new Map<Protocol, Session>();
  readonly #dialled = new Set<Socket>();
  #lastCarried: Stream | undefined;
  #hadUpstream = false;
  #isOver = false;
  #closedSockets = 0;

  constructor(options: ConnectionOptions) {
    const { client, upstream, random } = options;
    this.#options = options;
    let readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
    this.#upstream = connect({
      ...upstream,
      allowHalfOpen: true,
      noDelay: true,
      lookup: sharedLookup,
      onread: {
        buffer: () => readBuffer,
        callback: (sizeBytes, buffer) => {
          // A buffer that is new each time, as sockets have it unless told otherwise, halves what one connection carries.
          if (this.#links.downstream.borrow(Buffer.from(buffer.buffer, 0, sizeBytes)))
            readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
          return true;
        },
      },
    });
    const link = (stream: Stream, source: Socket, destination: Socket): Link =>
      new Link({
        stream,
        connection: this,
        source,
        destination,
        random: random.fork(stream),
        onCarried: (sizeBytes) => {
          this.#lastCarried = stream;
          options.onCarried(stream, sizeBytes);
        },
        onEnding: (ending) => this.#end(ending, source, destination),
      });
    this.#links = {
      upstream: link("upstream", client, this.#upstream),
      downstream: link("downstream", this.#upstream, client),
    };
    this.#upstream.once("connect", () => {
      this.#hadUpstream = true;
      this.apply();
      client.on("data", (chunk: Buffer) => this.#links.upstream.take(chunk));
      for (const stream of streams) this.#links[stream].start();
    });
    for (const socket of [client, this.#upstream]) socket.on("error", () => undefined); // `close` follows, and tells
    client.on("close", (hadError) => this.#onSocketClosed("upstream", hadError));
    this.#upstream.on("close", (hadError) => this.#onSocketClosed("downstream", hadError));
  }

  /** Bytes read so far from the source of each stream. */
  get receivedBytes(): Readonly<Record<Stream, number>> {
    return { upstream: this.#options.client.bytesRead, downstream: this.#upstream.bytesRead };
  }

  /** Makes both links, and the sessions in them, match the toxics in place. */
  apply(): void {
    if (!this.#hadUpstream || this.#isOver) return;
    const toxics = this.#options.toxics();
    const ofBytes = toxics.filter((toxic): toxic is ByteToxic => !isCallToxic(toxic));
    for (const stream of streams) {
      this.#links[stream].apply(ofBytes.filter((toxic) => toxic.stream === stream));
      if (this.#isOver) return;
    }
    const ofCalls = toxics.filter(isCallToxic).filter((toxic) => this.#takes(toxic));
    for (const { kind } of ofCalls) this.#openSession(kind.protocol);
    for (const [protocol, session] of this.#sessions)
      session.apply(ofCalls.filter(({ kind }) => kind.protocol === protocol));
  }

  /** A toxic's attributes have changed. */
  update(toxic: Toxic): void {
    if (!isCallToxic(toxic)) this.#links[toxic.stream].update(toxic);
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

  #openSession(protocol: Protocol): void {
    if (this.#sessions.has(protocol)) return;
    const upstream = this.#links.upstream.openPlace();
    const downstream = this.#links.downstream.openPlace();
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
    const socket = connect({ ...this.#options.upstream, noDelay: true, lookup: sharedLookup });
    this.#dialled.add(socket);
    socket.on("error", () => undefined); // `close` follows, and tells
    socket.once("close", () => this.#dialled.delete(socket));
    return socket;
  }

  #over(): void {
    this.#isOver = true;
    for (const socket of this.#dialled) socket.destroy();
    for (const stream of streams) this.#links[stream].drop();
  }

  /** @param stream the one whose source was the socket */
  #onSocketClosed(stream: Stream, hadError: boolean): void {
    this.#closedSockets += 1;
    if (this.#closedSockets === 2) {
      this.#over();
      this.#options.onClosed(this.#hadUpstream);
      return;
    }
    if (!this.#hadUpstream) {
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
    return [this.#options.client, this.#upstream];
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
