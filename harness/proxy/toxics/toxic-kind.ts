import { z } from "zod";
import { fields } from "../../base/fields.ts";
import type { Random } from "../../base/random.ts";

/**
 * A toxic is one way of spoiling one stream of a link. Each kind is one file of this folder; `registry.ts` lists them.
 *
 *   source ─→ stage ─→ stage ─→ … ─→ destination        one stage a toxic, in order of the toxics' creation
 *
 * A stage takes the chunks and the ending of its stream, and passes them on: later, in pieces, in part or never. With
 * no toxic there is no stage and the source writes to the destination.
 */

/**
 * How a stream ends: `fin` its source is done, the other direction lives on; `close` the whole connection closes once
 * what came before is delivered; `reset` the whole connection is reset (RST).
 */
export type Ending = "fin" | "close" | "reset";

/** Where a stream goes in. After an ending only a harsher one may follow. */
export interface Inlet {
  write(chunk: Buffer): void;
  end(ending: Ending): void;
}

/** What a stage has to act with. Passing on never waits: what cannot be sent yet is buffered by the destination. */
export interface Outlet extends Inlet {
  /** Records that the toxic had its effect on this connection, and on this many bytes. */
  touch(sizeBytes: number): void;
  readonly random: Random;
}

/** A toxic at work on one stream of one connection. */
export interface Stage extends Inlet {
  /** Whether it holds as much as it may: the source then pauses. */
  isFull(): boolean;
  /** The toxic's attributes have changed. */
  update(): void;
  /** The toxic is gone: passes on all it holds, in order, without waiting for anybody. */
  release(): void;
  /** The connection is gone: forgets what it holds. */
  drop(): void;
}

/** Values of JSON, by name. What a kind's schema gives parses again to the same: updates are merged into it. */
export type Attributes = Readonly<Record<string, unknown>>;

/** One kind of toxic that knows bytes only. To add one: a file like `noop.ts`, and its name in `registry.ts`. */
export interface ToxicKind<A extends Attributes = Attributes> {
  /** Faults of calls have one. */
  readonly protocol?: undefined;
  /** Parses the attributes and fills in defaults. */
  readonly attributes: z.ZodType<A>;
  /** Begins on one stream of one connection; `attributes` gives the values of now. */
  open(outlet: Outlet, attributes: () => A): Stage;
}

/** The longest delay that a timer of Node can wait, in milliseconds: 24.8 days. */
export const longestMs = 2_147_483_647;

/** The attributes of one kind: a mapping that refuses keys it does not know. */
export { fields as attributesOf };

/** A whole-number attribute; `unit` is for the reader of an error. */
export function wholeNumber(unit: string, bounds: { readonly from: number; readonly to: number }) {
  const error = `expected a whole number of ${unit} from ${bounds.from} to ${bounds.to}`;
  return z.number({ error }).int({ error }).min(bounds.from, { error }).max(bounds.to, { error });
}

/** An attribute in milliseconds. @default 0 */
export function milliseconds() {
  return wholeNumber("milliseconds", { from: 0, to: longestMs }).default(0);
}
