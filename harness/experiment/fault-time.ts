import { duration } from "../base/fields.ts";

/** When a fault acts, in milliseconds from the beginning of the fault phase. */
export interface FaultTime {
  /** @default 0 */
  readonly atMs?: number | undefined;
  /** @default until the fault phase ends */
  readonly forMs?: number | undefined;
}

const longestMs = 3_600_000;

/** The fields that say when, which every fault has. */
export const timeFields = {
  at: duration({ atMost: longestMs }).optional(),
  for: duration({ atLeast: 1, atMost: longestMs }).optional(),
};

export interface GivenTime {
  readonly at?: number | undefined;
  readonly for?: number | undefined;
}

export function timeOf({ at: atMs, for: forMs }: GivenTime): FaultTime {
  return { ...(atMs === undefined ? {} : { atMs }), ...(forMs === undefined ? {} : { forMs }) };
}

/** The moment, within the fault phase, at which a fault is undone; Infinity for one that lasts as long as the phase. */
export function endMsOf({ atMs = 0, forMs = Infinity }: FaultTime): number {
  return atMs + forMs;
}

/** Whether two faults are ever in place at once. */
export function overlap(one: FaultTime, other: FaultTime): boolean {
  return (one.atMs ?? 0) < endMsOf(other) && (other.atMs ?? 0) < endMsOf(one);
}
