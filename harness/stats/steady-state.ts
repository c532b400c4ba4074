import { binomialTail } from "./binomial.ts";
import { quantile } from "./quantile.ts";

/** One thing asked of the system. All times in milliseconds, on one clock. */
export interface TimedOperation {
  /** Intended start. */
  readonly startMs: number;
  readonly succeeded: boolean;
  /** From the intended start to the end. */
  readonly latencyMs: number;
}

/** How the system was before anything was broken. */
export interface Baseline {
  readonly total: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface RecoveryOptions {
  readonly operations: readonly TimedOperation[];
  /** When the last fault was undone. */
  readonly undoneAtMs: number;
  /** End of the load. */
  readonly endMs: number;
  readonly baseline: Baseline;
}

const bucketMs = 1_000;
const minimumOperations = 5;
const unlikely = 0.001;

/**
 * How long the system took to get well: milliseconds from the undo to the first moment from which every later bucket is
 * good; `undefined` when the last one is bad, or fewer than five operations were started since the undo.
 *
 * A bucket is one second of intended starts, counted from the undo; one with fewer than five operations is merged with
 * the next (the last one with the one before). It is bad when
 * - so many failures, or more, come with a probability under 0.1 % at the baseline's failure ratio, which is taken as
 *   (failed + 1) / (total + 2) after Laplace: a failure that the baseline did not show is rare, not impossible; or
 * - its median latency is above both three times the baseline's median and the baseline's 95th percentile.
 */
export function recoveryTime({
  operations,
  undoneAtMs,
  endMs,
  baseline,
}: RecoveryOptions): number | undefined {
  const buckets = bucketsOf(operations, undoneAtMs, endMs);
  const lastBad = buckets.findLastIndex((bucket) => isBad(bucket.operations, baseline));
  const firstGood = buckets[lastBad + 1];
  return firstGood === undefined ? undefined : firstGood.startMs - undoneAtMs;
}

interface Bucket {
  readonly startMs: number;
  readonly operations: readonly TimedOperation[];
}

function bucketsOf(operations: readonly TimedOperation[], fromMs: number, endMs: number): Bucket[] {
  const bySecond = Map.groupBy(
    operations.filter(({ startMs }) => startMs >= fromMs && startMs < endMs),
    ({ startMs }) => Math.floor((startMs - fromMs) / bucketMs),
  );
  const buckets: Bucket[] = [];
  let open: Bucket = { startMs: fromMs, operations: [] };
  for (let second = 0; fromMs + second * bucketMs < endMs; second += 1) {
    open = { startMs: open.startMs, operations: [...open.operations, ...(bySecond.get(second) ?? [])] };
    if (open.operations.length < minimumOperations) continue;
    buckets.push(open);
    open = { startMs: fromMs + (second + 1) * bucketMs, operations: [] };
  }
  const last = buckets.pop();
  if (last !== undefined)
    buckets.push({ startMs: last.startMs, operations: [...last.operations, ...open.operations] });
  return buckets;
}

function isBad(operations: readonly TimedOperation[], baseline: Baseline): boolean {
  const failed = operations.filter(({ succeeded }) => !succeeded).length;
  const failureRatio = (baseline.failed + 1) / (baseline.total + 2);
  if (binomialTail(operations.length, failureRatio, failed) < unlikely) return true;
  const medianMs = quantile(
    operations.map(({ latencyMs }) => latencyMs),
    0.5,
  );
  return medianMs > Math.max(3 * baseline.p50Ms, baseline.p95Ms);
}
