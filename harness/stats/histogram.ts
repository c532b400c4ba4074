import { z } from "zod";
import { nearestRank } from "./quantile.ts";

/**
 * Durations in milliseconds, counted in buckets whose width grows with them: 1,024 equal ones from each power of two to
 * the next, so that a bucket is narrower than 0.1 % of any value in it. Only buckets that hold something take room.
 * Histograms add up to exactly the one of all their values, in whatever order.
 *
 *   0 … 1 ns │ 1,024 buckets to 1.9 ns │ … │ 1,024 from 1.024 s to 2.048 s │ …
 */
export interface Histogram {
  readonly count: number;
  /** Exact, as is `maxMs`; undefined when it is empty. */
  readonly minMs: number | undefined;
  readonly maxMs: number | undefined;
  /** Mean and standard deviation, from the middles of the buckets; undefined when it is empty. */
  readonly meanMs: number | undefined;
  readonly deviationMs: number | undefined;
  /** @param count how often the value was seen. @default 1 @throws {RangeError} when the value is negative or not finite */
  add(valueMs: number, count?: number): void;
  /** Adds all that `other` holds. */
  merge(other: Histogram): void;
  /**
   * The sample at the nearest rank, rounded up to the bound of its bucket, but never above the maximum: at most
   * {@link relativeError} above the sample itself. Undefined when it is empty.
   * @param share in [0, 1]: 0.99 for the 99th percentile
   */
  percentileMs(share: number): number | undefined;
  /** Those that hold something, in ascending order. */
  buckets(): readonly HistogramBucket[];
  toJSON(): HistogramJson;
}

/** So many values in [fromMs, belowMs). */
export interface HistogramBucket {
  readonly fromMs: number;
  readonly belowMs: number;
  readonly count: number;
}

/** How far a percentile lies above the sample at its rank, at most, as a share of that sample: 0.098 %. */
export const relativeError = 1 / 1_024;

/** Values under this, about a nanosecond, share the first bucket. */
export const resolutionMs = 2 ** -20;

export const histogramJsonSchema = z.object({
  v: z.literal(1),
  minMs: z.number().nonnegative().optional(),
  maxMs: z.number().nonnegative().optional(),
  /** Pairs: how many buckets on from the one before (the first: from the first there is), and how many values in it. */
  buckets: z.array(z.int().nonnegative()),
});
export type HistogramJson = z.output<typeof histogramJsonSchema>;

export function createHistogram(): Histogram {
  return histogramOf(new Map(), Number.POSITIVE_INFINITY, 0);
}

/** The histogram of all values of several. */
export function mergeHistograms(histograms: Iterable<Histogram>): Histogram {
  const merged = createHistogram();
  for (const histogram of histograms) merged.merge(histogram);
  return merged;
}

/** @throws {RangeError} when it is not what {@link Histogram.toJSON} gives @throws {z.ZodError} when it is of another form */
export function histogramFromJSON(json: unknown): Histogram {
  const { minMs, maxMs, buckets } = histogramJsonSchema.parse(json);
  const counts = new Map<number, number>();
  let index = 0;
  for (let at = 0; at < buckets.length; at += 2) {
    index += buckets[at] as number;
    counts.set(index, buckets[at + 1] ?? 0);
  }
  const [first] = counts.keys();
  if (first === undefined && minMs === undefined && maxMs === undefined) return createHistogram();
  const isWhole =
    counts.size * 2 === buckets.length &&
    !counts.values().some((count) => count === 0) &&
    (minMs === undefined ? undefined : indexOf(minMs)) === first &&
    (maxMs === undefined ? undefined : indexOf(maxMs)) === index;
  if (!isWhole || minMs === undefined || maxMs === undefined || minMs > maxMs)
    throw new RangeError("no histogram: its buckets contradict each other or its minimum and maximum");
  return histogramOf(counts, minMs, maxMs);
}

function histogramOf(counts: Map<number, number>, leastMs: number, mostMs: number): Histogram {
  let minMs = leastMs;
  let maxMs = mostMs;
  let count = counts.values().reduce((sum, next) => sum + next, 0);

  const indices = (): Uint32Array => Uint32Array.from(counts.keys()).sort();
  const countOf = (index: number): number => counts.get(index) ?? 0;
  const meanOf = (figure: (middleMs: number) => number): number => {
    let sum = 0;
    for (const index of indices())
      sum += figure((lowerBoundOf(index) + lowerBoundOf(index + 1)) / 2) * countOf(index);
    return sum / count;
  };
  return {
    get count() {
      return count;
    },
    get minMs() {
      return count === 0 ? undefined : minMs;
    },
    get maxMs() {
      return count === 0 ? undefined : maxMs;
    },
    get meanMs() {
      return count === 0 ? undefined : meanOf((middleMs) => middleMs);
    },
    get deviationMs() {
      if (count === 0) return undefined;
      const meanMs = meanOf((middleMs) => middleMs);
      return Math.sqrt(meanOf((middleMs) => (middleMs - meanMs) ** 2));
    },
    add(valueMs, times = 1) {
      if (!(valueMs >= 0 && valueMs < Number.POSITIVE_INFINITY))
        throw new RangeError(`a histogram holds durations, got ${valueMs} ms`);
      if (times === 0) return;
      const index = indexOf(valueMs);
      counts.set(index, countOf(index) + times);
      count += times;
      if (valueMs < minMs) minMs = valueMs;
      if (valueMs > maxMs) maxMs = valueMs;
    },
    merge(other) {
      if (other.minMs === undefined || other.maxMs === undefined) return;
      for (const bucket of other.buckets()) {
        const index = indexOf(bucket.fromMs);
        counts.set(index, countOf(index) + bucket.count);
        count += bucket.count;
      }
      minMs = Math.min(minMs, other.minMs);
      maxMs = Math.max(maxMs, other.maxMs);
    },
    percentileMs(share) {
      let left = nearestRank(share, count);
      for (const index of indices()) {
        left -= countOf(index);
        if (left <= 0) return Math.min(lowerBoundOf(index + 1), maxMs);
      }
      return undefined;
    },
    buckets: () =>
      Array.from(indices(), (index) => ({
        fromMs: lowerBoundOf(index),
        belowMs: lowerBoundOf(index + 1),
        count: countOf(index),
      })),
    toJSON() {
      let before = 0;
      const buckets = [...indices()].flatMap((index) => {
        const gap = index - before;
        before = index;
        return [gap, countOf(index)];
      });
      return { v: 1, ...(count === 0 ? {} : { minMs, maxMs }), buckets };
    },
  };
}

/*
 * A double is its exponent followed by its mantissa, so the upper half of its bits, cut to ten of the mantissa, counts
 * buckets in ascending order: 1,024 to each power of two.
 */
const double = new DataView(new ArrayBuffer(8));
const cutBits = 10;
const firstUpperHalf = upperHalfOf(resolutionMs) >>> cutBits;

function indexOf(valueMs: number): number {
  return valueMs < resolutionMs ? 0 : (upperHalfOf(valueMs) >>> cutBits) - firstUpperHalf + 1;
}

function lowerBoundOf(index: number): number {
  if (index === 0) return 0;
  double.setUint32(0, (index - 1 + firstUpperHalf) << cutBits);
  double.setUint32(4, 0);
  return double.getFloat64(0);
}

function upperHalfOf(value: number): number {
  double.setFloat64(0, value);
  return double.getUint32(0);
}
