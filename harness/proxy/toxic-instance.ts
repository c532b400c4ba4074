import type { FaultRecord } from "./fault-log.ts";
import type { ToxicKind } from "./toxics/toxic.ts";

export type Stream = "upstream" | "downstream";

/** A toxic as it stands on a proxy. An update makes a new one in the same place, with the same record. */
export interface ToxicInstance {
  readonly name: string;
  readonly kind: ToxicKind<never>;
  readonly stream: Stream;
  /** Share of connections that it touches, drawn once a connection. */
  readonly toxicity: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly lease: string | undefined;
  readonly record: FaultRecord;
}
