import type { Random } from "../base/random.ts";
import type { Fault } from "./fault-ledger.ts";
import type { Attributes, ToxicKind } from "./toxics/toxic-kind.ts";

export type Stream = "upstream" | "downstream";

/** A toxic on a proxy: a kind with its attributes, on one stream, of a share of the connections. */
export interface Toxic {
  readonly name: string;
  readonly type: string;
  readonly kind: ToxicKind;
  readonly stream: Stream;
  readonly lease: string | undefined;
  readonly fault: Fault;
  toxicity: number;
  attributes: Attributes;
}

/**
 * Whether a toxic takes a connection. The draw is the connection's own: the same for the whole of its life, so that a
 * higher toxicity only ever adds connections.
 * @param random a stream for this connection and this toxic
 */
export function takes({ toxicity }: Toxic, random: Random): boolean {
  return toxicity >= 1 || random.fork("toxicity").next() < toxicity;
}
