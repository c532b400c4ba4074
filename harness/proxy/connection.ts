import { connect, type Socket } from "node:net";
import type { Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import { Link } from "./link.ts";
import type { Stream, Toxic } from "./toxic.ts";
import type { Ending } from "./toxics/toxic-kind.ts";

export interface ConnectionOptions {
  /** Paused: nothing is read of it before the upstream answers. */
  readonly client: Socket;
  readonly upstream: Address;
  /** A stream of this connection's own. */
  readonly random: Random;
  /** The toxics in place on a stream. */
  readonly toxics: (stream: Stream) => readonly Toxic[];
  readonly onCarried: (stream: Stream, sizeBytes: number) => void;
  /** Told once, when both sockets are closed; `hadUpstream` is whether the upstream ever answered. */
  readonly onClosed: (hadUpstream: boolean) => void;
}

const streams = ["upstream", "downstream"] as const;

/**
 * A client and its upstream.
 *
 *            ┌──→ link (upstream) ────┐
 *   client ──┤                        ├── upstream
 *            └──← link (downstream) ──┘
 *
 * The links end one by one (half-close). A socket that breaks breaks the other, after what its link still holds.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #upstream: Socket;
  readonly #links: Readonly<Record<Stream, Link>>;
  #hadUpstream = false;
  #isOver = false;
  #closedSockets = 0;

  constructor(options: ConnectionOptions) {
    const { client, upstream, random } = options;
    this.#options = options;
    this.#upstream = connect({ ...upstream, allowHalfOpen: true, noDelay: true });
    const link = (stream: Stream, source: Socket, destination: Socket): Link =>
      new Link({
        source,
        destination,
        random: random.fork(stream),
        onCarried: (sizeBytes) => options.onCarried(stream, sizeBytes),
        onEnding: (ending) => this.#end(ending, source, destination),
      });
    this.#links = {
      upstream: link("upstream", client, this.#upstream),
      downstream: link("downstream", this.#upstream, client),
    };
    this.#upstream.once("connect", () => {
      this.#hadUpstream = true;
      this.apply();
      for (const stream of streams) this.#links[stream].start();
    });
    for (const socket of [client, this.#upstream]) socket.on("error", () => undefined); // `close` follows, and tells
    client.on("close", (hadError) => this.#onSocketClosed("upstream", hadError));
    this.#upstream.on("close", (hadError) => this.#onSocketClosed("downstream", hadError));
  }

  /** Makes both links match the toxics in place. */
  apply(): void {
    if (!this.#hadUpstream || this.#isOver) return;
    for (const stream of streams) this.#links[stream].apply(this.#options.toxics(stream));
  }

  /** A toxic's attributes have changed. */
  update(toxic: Toxic): void {
    this.#links[toxic.stream].update(toxic);
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
        for (const socket of this.#sockets()) if (!socket.destroyed) socket.resetAndDestroy();
        return;
    }
  }

  #over(): void {
    this.#isOver = true;
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
    if (!this.#hadUpstream) return this.cut();
    const link = this.#links[stream];
    this.#links[stream === "upstream" ? "downstream" : "upstream"].drop(); // nobody is left to take what it carries
    if (hadError) link.end("reset");
    else if (!link.hasEnded) link.end("close");
  }

  #sockets(): readonly Socket[] {
    return [this.#options.client, this.#upstream];
  }
}
