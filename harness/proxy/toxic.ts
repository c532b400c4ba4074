import type { Random } from "../base/random.ts";
import type { CallFaultKind } from "./call-fault.ts";
import type { CallSelection } from "./call-selection.ts";
import type { Fault } from "./fault-ledger.ts";
import type { Attributes, ToxicKind } from "./toxics/toxic-kind.ts";

export type Stream = "upstream" | "downstream";

export type AnyToxicKind = ToxicKind | CallFaultKind;

/** A toxic on a proxy: a kind with its attributes, on one stream, of a share of the connections. */
export type Toxic = ByteToxic | CallToxic;

/** It spoils the bytes of a stream. */
export interface ByteToxic extends AnyToxic {
  readonly kind: ToxicKind;
}

/** It acts on calls of a protocol. */
export interface CallToxic extends AnyToxic {
  readonly kind: CallFaultKind;
  selection: CallSelection;
}

interface AnyToxic {
  readonly name: string;
  readonly type: string;
  readonly stream: Stream;
  readonly lease: string | undefined;
  readonly fault: Fault;
  toxicity: number;
  attributes: Attributes;
}

export function isCallToxic(toxic: Toxic): toxic is CallToxic {
  return toxic.kind.protocol !== undefined;
}

/**
 * Whether a toxic takes a connection. The draw is the connection's own: the same for the whole of its life, so that a
 * higher toxicity only ever adds connections.
 * @param random a stream for this connection and this toxic
 */
export function takes({ toxicity }: Toxic, random: Random): boolean {
  return toxicity >= 1 || random.fork("toxicity").next() < toxicity;
}
