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
  return new SparseHistogram(new Map(), Number.POSITIVE_INFINITY, 0);
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
  return new SparseHistogram(counts, minMs, maxMs);
}

/** A class, since closures would take two kilobytes for each of the thousands that a run has. */
class SparseHistogram implements Histogram {
  /** By index of the bucket. */
  readonly #counts: Map<number, number>;
  #minMs: number;
  #maxMs: number;
  #count = 0;

  constructor(counts: Map<number, number>, minMs: number, maxMs: number) {
    this.#counts = counts;
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    for (const count of counts.values()) this.#count += count;
  }

  get count(): number {
    return this.#count;
  }

  get minMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#minMs;
  }

  get maxMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#maxMs;
  }

  get meanMs(): number | undefined {
    return this.#meanOf((middleMs) => middleMs);
  }

  get deviationMs(): number | undefined {
    const meanMs = this.meanMs;
    if (meanMs === undefined) return undefined;
    return Math.sqrt(this.#meanOf((middleMs) => (middleMs - meanMs) ** 2) as number);
  }

  add(valueMs: number, count = 1): void {
    if (!(valueMs >= 0 && valueMs < Number.POSITIVE_INFINITY))
      throw new RangeError(`a histogram holds durations, got ${valueMs} ms`);
    if (count === 0) return;
    this.#fill(indexOf(valueMs), count);
    if (valueMs < this.#minMs) this.#minMs = valueMs;
    if (valueMs > this.#maxMs) this.#maxMs = valueMs;
  }

  merge(other: Histogram): void {
    if (other.minMs === undefined || other.maxMs === undefined) return;
    for (const { fromMs, count } of other.buckets()) this.#fill(indexOf(fromMs), count);
    this.#minMs = Math.min(this.#minMs, other.minMs);
    this.#maxMs = Math.max(this.#maxMs, other.maxMs);
  }

  percentileMs(share: number): number | undefined {
    let left = nearestRank(share, this.#count);
    for (const index of this.#indices()) {
      left -= this.#countIn(index);
      if (left <= 0) return Math.min(lowerBoundOf(index + 1), this.#maxMs);
    }
    return undefined;
  }

  buckets(): readonly HistogramBucket[] {
    return Array.from(this.#indices(), (index) => ({
      fromMs: lowerBoundOf(index),
      belowMs: lowerBoundOf(index + 1),
      count: this.#countIn(index),
    }));
  }

  toJSON(): HistogramJson {
    const buckets: number[] = [];
    let before = 0;
    for (const index of this.#indices()) {
      buckets.push(index - before, this.#countIn(index));
      before = index;
    }
    return { v: 1, ...(this.#count === 0 ? {} : { minMs: this.#minMs, maxMs: this.#maxMs }), buckets };
  }

  #fill(index: number, count: number): void {
    this.#counts.set(index, this.#countIn(index) + count);
    this.#count += count;
  }

  #countIn(index: number): number {
    return this.#counts.get(index) ?? 0;
  }

  /** Of the buckets that hold something, ascending. */
  #indices(): Uint32Array {
    return Uint32Array.from(this.#counts.keys()).sort();
  }

  #meanOf(figure: (middleMs: number) => number): number | undefined {
    if (this.#count === 0) return undefined;
    let sum = 0;
    for (const index of this.#indices())
      sum += figure((lowerBoundOf(index) + lowerBoundOf(index + 1)) / 2) * this.#countIn(index);
    return sum / this.#count;
  }
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
