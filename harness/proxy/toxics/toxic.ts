import type { z } from "zod";
import type { Random } from "../../base/random.ts";

/**
 * A toxic is what a proxied connection suffers in one direction. Each kind is a file with a schema of its attributes and
 * a function that opens a stage for one direction of one connection:
 *
 *   source socket ─push→ stage ─push→ stage ─push→ sink socket
 *
 * A stage may hold bytes back, but never waits for a peer: closing it hands on everything it holds, at once and in
 * order. So removing a toxic cannot hang, and cannot lose a byte that the toxic was not meant to lose.
 */
export interface ToxicKind<A> {
  readonly type: string;
  readonly attributes: z.ZodType<A>;
  open(attributes: A, site: StageSite): Stage;
}

/** What a stage may do beyond handing bytes on. */
export interface StageSite {
  readonly next: StageInput;
  readonly random: Random;
  /** Says that this toxic really did something to this connection, and to how many bytes. */
  readonly affect: (bytes: number) => void;
  /** Ends the connection with FIN, as a server that closes it. */
  readonly close: () => void;
  /** Ends the connection with RST on both sides. */
  readonly reset: () => void;
}

export interface StageInput {
  push(chunk: Buffer): void;
  /** No more bytes will come in this direction. */
  end(): void;
}

export interface Stage extends StageInput {
  /** Bytes held back; counted against the connection's bound. */
  readonly heldBytes: number;
  /** Hands on what is held and stops every timer. With `discard` the connection is gone: hands on nothing. */
  close(discard: boolean): void;
}

/** Defines a kind of toxic; infers the attributes' type from the schema. */
export function defineToxic<A>(kind: ToxicKind<A>): ToxicKind<A> {
  return kind;
}
