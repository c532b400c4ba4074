import { oneSided95 } from "./wilson.ts";

/** A difference of two means, with two one-sided bounds of 95 % each. */
export interface MeanDifference {
  /** Mean of the second less mean of the first. */
  readonly difference: number;
  readonly lower: number;
  readonly upper: number;
}

/**
 * Welch's interval of the difference of two means whose spreads need not be alike (Welch, 1947).
 * @throws {RangeError} with fewer than {@link minimumPerSide} samples on a side
 */
export function meanDifference(first: readonly number[], second: readonly number[]): MeanDifference {
  if (Math.min(first.length, second.length) < minimumPerSide)
    throw new RangeError(`${first.length} and ${second.length} samples: at least ${minimumPerSide} a side`);
  const [one, other] = [meanOf(first), meanOf(second)];
  const oneError = varianceOf(first, one) / first.length;
  const otherError = varianceOf(second, other) / second.length;
  const difference = other - one;
  const error = oneError + otherError;
  if (error === 0) return { difference, lower: difference, upper: difference };
  const degrees = error ** 2 / (oneError ** 2 / (first.length - 1) + otherError ** 2 / (second.length - 1));
  const half = studentQuantile95(degrees) * Math.sqrt(error);
  return { difference, lower: difference - half, upper: difference + half };
}

/** With fewer the expansion of {@link studentQuantile95} is no longer good, nor would the interval be. */
export const minimumPerSide = 5;

/**
 * Student's t at 0.95, by its expansion around the normal quantile (Abramowitz and Stegun, 26.7.5): to 0.001 from four
 * degrees of freedom on.
 */
export function studentQuantile95(degrees: number): number {
  const z = oneSided95;
  const terms = [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1_482 * z ** 5 - 1_920 * z ** 3 - 945 * z) / 92_160,
  ];
  return terms.reduce((sum, term, power) => sum + term / degrees ** power, 0);
}

function meanOf(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

function varianceOf(samples: readonly number[], mean: number): number {
  return samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / (samples.length - 1);
}
