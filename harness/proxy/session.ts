import type { Socket } from "node:net";
import type { CallToxic, Stream } from "./toxic.ts";
import type { Inlet } from "./toxics/toxic-kind.ts";

/**
 * A session reads one protocol on one connection and lets the faults of calls act on it. It stands nearest the upstream,
 * behind the toxics of bytes: to the caller a fault of a call is something that the callee does.
 *
 *   client ──→ toxics (upstream) ───→ session.upstream ───→ upstream
 *   client ←── toxics (downstream) ←── session.downstream ←── upstream
 *
 * What it does not understand, and what no fault takes, it passes on byte for byte.
 */
export interface Session {
  readonly upstream: SessionStage;
  readonly downstream: SessionStage;
  /** The faults in place, in order of creation; none lets go of all it holds, as soon as the protocol allows. */
  apply(toxics: readonly CallToxic[]): void;
}

/** One direction of a session. */
export interface SessionStage extends Inlet {
  /** Whether it holds as much as it may: the source then pauses. */
  isFull(): boolean;
  /** The connection is gone, or nobody is left to take what this direction carries: forgets what it holds. */
  drop(): void;
}

/** Where a direction of a session comes out. An ending `close` or `reset` ends the whole connection. */
export interface SessionOutlet extends Inlet {
  /** To be called when the stage holds less than before without having passed anything on: the source may go on. */
  settle(): void;
}

/** What a session has to act with. */
export interface SessionContext {
  readonly outlets: Readonly<Record<Stream, SessionOutlet>>;
  /**
   * Which stream carried the last bytes before the session began; `undefined` when none were carried, so that it sees the
   * protocol from its first byte. Else it begins where the protocol is surely at rest.
   */
  readonly lastCarried: Stream | undefined;
  /** Opens another connection to the same upstream; it is cut with this one. */
  dial(): Socket;
  /** Stands for the connection where faults count. */
  readonly connection: object;
}
