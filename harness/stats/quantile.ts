import { binomialQuantile } from "./binomial.ts";

/**
 * Quantiles from raw samples, by nearest rank: the value at rank `ceil(q * n)` of the sorted samples (definition 1 of
 * Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996). It is always a value that was really seen, and
 * the same order statistics bound it.
 */

/**
 * The `q`-quantile of the samples, in their unit.
 * @param q in (0, 1]
 * @throws {RangeError} when there are no samples
 */
export function quantile(samples: readonly number[], q: number): number {
  return quantileOfSorted(sortSamples(samples), q);
}

/** As {@link quantile}, of samples that are already in ascending order. */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  const value = sorted[nearestRank(q, sorted.length) - 1];
  if (value === undefined) throw new RangeError("no samples: there is no quantile of nothing");
  return value;
}

export function sortSamples(samples: readonly number[]): Float64Array {
  return Float64Array.from(samples).sort();
}

/** Which of `count` samples, from 1 in ascending order, is the `q`-quantile. */
export function nearestRank(q: number, count: number): number {
  return Math.max(1, Math.ceil(q * count - rounding));
}

/** What the product of a quantile and a count may be off by: 0.07 * 100 is 7.000000000000001. */
const rounding = 1e-9;

/** Two one-sided bounds of a quantile, each at the asked confidence; infinite where the samples give none. */
export interface QuantileInterval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Bounds of the `q`-quantile that hold for every distribution: the number of samples below the true quantile is
 * binomial, so two order statistics enclose it (David and Nagaraja, "Order Statistics", section 7.1).
 * @param confidence of each bound by itself, in (0, 1); both at once hold with `2 * confidence - 1`. @default 0.95
 */
export function quantileInterval(samples: readonly number[], q: number, confidence = 0.95): QuantileInterval {
  const sorted = sortSamples(samples);
  const lowerRank = binomialQuantile(sorted.length, q, 1 - confidence);
  const upperRank = binomialQuantile(sorted.length, q, confidence) + 1;
  return {
    lower: sorted[lowerRank - 1] ?? Number.NEGATIVE_INFINITY,
    upper: sorted[upperRank - 1] ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * How many samples a quantile needs before it is told: ten expected beyond it, so 20 for p50, 200 for p95, 1,000 for
 * p99.
 */
export function minimumSamples(q: number): number {
  return Math.ceil(10 / Math.min(q, 1 - q) - 1e-6);
}
