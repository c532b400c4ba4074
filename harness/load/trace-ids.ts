import type { Random } from "../base/random.ts";

/**
 * The W3C trace ids of one journey's requests. The right of an id is decided by the seed, so that a run can be repeated
 * byte for byte; the left is the run's own, so that two runs of one seed do not meet in a trace store.
 *
 *   4f1c09ab22d7 │ 91e0c3…   12 digits of the run, 20 of the seed, the arrival and the step
 */
export interface TraceIds {
  next(): { readonly traceId: string; readonly parentId: string };
}

/** @param run 12 hexadecimal digits @param random of this journey, for nothing else */
export function createTraceIds(run: string, random: Random): TraceIds {
  const digits = (bits: number): string =>
    random
      .integer(0, 2 ** bits)
      .toString(16)
      .padStart(bits / 4, "0");
  return {
    next: () => ({
      traceId: `${run}${digits(40)}${digits(40)}`,
      parentId: `${digits(32)}${digits(32)}`,
    }),
  };
}
