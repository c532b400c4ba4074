import { quantileOfSorted, sortSamples } from "./quantile.ts";

export interface LatencySummary {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * The latencies that a report shows, from raw samples in milliseconds.
 * @throws {RangeError} when there are no samples
 */
export function summarizeLatency(samplesMs: readonly number[]): LatencySummary {
  const sorted = sortSamples(samplesMs);
  return {
    p50Ms: quantileOfSorted(sorted, 0.5),
    p95Ms: quantileOfSorted(sorted, 0.95),
    p99Ms: quantileOfSorted(sorted, 0.99),
    maxMs: quantileOfSorted(sorted, 1),
  };
}
