/** One-sided 95 %: the normal distribution's quantile at 0.95. */
export const oneSided95 = 1.6449;

/** Bounds of a ratio, each by itself at the asked confidence. */
export interface RatioInterval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Wilson's score interval of a success ratio (Wilson, 1927): honest also near 0 and 1, where 0 failures in n still means
 * up to about 3/n. Without observations it is all of [0, 1].
 * @param z the bound's normal quantile. @default 1.6449, two one-sided bounds of 95 % each
 */
export function wilsonInterval(successes: number, total: number, z = oneSided95): RatioInterval {
  if (total === 0) return { lower: 0, upper: 1 };
  const ratio = successes / total;
  const square = (z * z) / total;
  const centre = (ratio + square / 2) / (1 + square);
  const half = (z * Math.sqrt((ratio * (1 - ratio)) / total + square / (4 * total))) / (1 + square);
  return {
    lower: successes === 0 ? 0 : Math.max(0, centre - half),
    upper: successes === total ? 1 : Math.min(1, centre + half),
  };
}
