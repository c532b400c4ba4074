/**
 * A test that may be looked at after every observation: "the success ratio is below p0".
 *
 * Its e-value is the likelihood of what was seen under a success ratio drawn uniformly from (0, p0), a beta mixture cut
 * off at p0, over its likelihood under p0. While the true ratio is p0 or more, that is a supermartingale that starts at
 * 1, so it ever reaches 1/alpha with a probability of at most alpha, however often one looks (Ville's inequality; see
 * Ramdas et al., "Game-theoretic statistics and safe anytime-valid inference", 2023).
 *
 * With s successes and f failures the mixture has a closed form: for B binomial with s + f + 1 trials and ratio p0,
 *
 *   e = P(B >= s + 1) / ((s + 1) P(B = s + 1))
 */

export interface GuardTestOptions {
  /** p0: the ratio of successes, in (0, 1), that the system is given the benefit of the doubt to have. */
  readonly nullSuccessRatio: number;
  /** Largest probability, over one window, of saying "below" although it is not. @default 0.01 */
  readonly alpha?: number;
}

export interface GuardReading {
  /** Evidence against "at least p0": 1 is none, 100 is as strong as one chance in a hundred. */
  readonly eValue: number;
  /** True from the first observation of the window at which the e-value reached 1/alpha. */
  readonly isBelow: boolean;
}

export interface GuardTest {
  observe(succeeded: boolean): GuardReading;
  /**
   * Forgets everything: a new window, with an alpha of its own. What went well before a fault would otherwise be set off
   * against what goes badly now.
   */
  restart(): void;
}

/** @throws {RangeError} when the ratio or alpha is not within (0, 1) */
export function createGuardTest({ nullSuccessRatio, alpha = 0.01 }: GuardTestOptions): GuardTest {
  for (const [name, value] of Object.entries({ nullSuccessRatio, alpha }))
    if (!(value > 0 && value < 1)) throw new RangeError(`expected ${name} between 0 and 1, got ${value}`);
  let successes = 0;
  let failures = 0;
  let isBelow = false;
  return {
    observe(succeeded) {
      if (succeeded) successes += 1;
      else failures += 1;
      const eValue = mixtureEvidence(successes, failures, nullSuccessRatio);
      isBelow ||= eValue >= 1 / alpha;
      return { eValue, isBelow };
    },
    restart() {
      successes = 0;
      failures = 0;
      isBelow = false;
    },
  };
}

/**
 * The tail over the point, as the sum of the ratios of one term to the first. Terms shrink at once while there is no
 * evidence, so it is cheap exactly when it is asked for long.
 */
function mixtureEvidence(successes: number, failures: number, nullRatio: number): number {
  const odds = nullRatio / (1 - nullRatio);
  let term = 1;
  let sum = 1;
  for (let left = failures, k = successes + 1; left > 0; left -= 1, k += 1) {
    const ratio = (left / (k + 1)) * odds;
    term *= ratio;
    sum += term;
    if (sum === Number.POSITIVE_INFINITY || (ratio < 1 && term < sum * 1e-15)) break;
  }
  return sum / (successes + 1);
}
