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
  const draw = (): number => random.integer(0, 2 ** 32);
  return {
    next: () => ({
      traceId: run + digits8(draw()) + digits8(draw()) + digits8(draw()).slice(4),
      parentId: digits8(draw()) + digits8(draw()),
    }),
  };
}

/** By table: two of these a request, at 10,000 requests a second. */
const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The eight hexadecimal digits of a number of 32 bits. */
function digits8(bits: number): string {
  return `${pairs[bits >>> 24]}${pairs[(bits >>> 16) & 255]}${pairs[(bits >>> 8) & 255]}${pairs[bits & 255]}`;
}
