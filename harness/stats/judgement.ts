import { minimumSamples, quantile, quantileInterval } from "./quantile.ts";
import { oneSided95, wilsonInterval } from "./wilson.ts";

/**
 * Judges a measured figure against its limit: it held when the far bound of its interval is on the right side of the
 * limit, it deviated when the near one is on the wrong side, and anything between is inconclusive. Each bound is
 * one-sided at 95 %.
 */
export type JudgementOutcome = "held" | "deviated" | "inconclusive";

export interface SuccessJudgement {
  readonly outcome: JudgementOutcome;
  /** Absent without operations. */
  readonly ratio: number | undefined;
  readonly lower: number;
  readonly upper: number;
  readonly total: number;
  /** For inconclusive: how many operations would settle it if the ratio stayed; absent when no number would. */
  readonly neededTotal: number | undefined;
}

export interface SuccessCounts {
  readonly ok: number;
  readonly total: number;
  readonly atLeastRatio: number;
}

/** A limit of 100 % is a count of what happened, which asks for this many operations to be worth telling. */
const minimumForAll = 20;

/**
 * Judges a success ratio by Wilson's interval. No sample can prove 100 %: that limit is held when every one of at least
 * 20 operations succeeded, and a limit of 0 % always.
 */
export function judgeSuccess({ ok, total, atLeastRatio }: SuccessCounts): SuccessJudgement {
  const { lower, upper } = wilsonInterval(ok, total);
  const ratio = total === 0 ? undefined : ok / total;
  const told = { ratio, lower, upper, total };
  if (ratio === undefined)
    return { outcome: "inconclusive", ...told, neededTotal: neededFor(1, atLeastRatio) };
  if (upper < atLeastRatio) return { outcome: "deviated", ...told, neededTotal: undefined };
  const isHeld = atLeastRatio === 1 ? ok === total && total >= minimumForAll : lower >= atLeastRatio;
  if (isHeld) return { outcome: "held", ...told, neededTotal: undefined };
  return { outcome: "inconclusive", ...told, neededTotal: neededFor(ratio, atLeastRatio) };
}

/** Wilson's interval at `ratio` leaves the limit p0 out once n >= z^2 p0 (1 - p0) / (ratio - p0)^2. */
function neededFor(ratio: number, limit: number): number | undefined {
  if (limit === 1) return minimumForAll;
  if (ratio === limit) return undefined;
  return Math.max(1, Math.ceil((oneSided95 ** 2 * limit * (1 - limit)) / (ratio - limit) ** 2));
}

export interface QuantileJudgement {
  readonly outcome: JudgementOutcome;
  /** The quantile itself; absent without samples. */
  readonly valueMs: number | undefined;
  /** Infinite where the samples give no bound. */
  readonly lowerMs: number;
  readonly upperMs: number;
  readonly count: number;
  /** Below this many samples the outcome is inconclusive whatever they say. */
  readonly neededCount: number;
  readonly hasEnough: boolean;
}

/** Judges a latency quantile from raw samples in milliseconds. */
export function judgeQuantile(samplesMs: readonly number[], q: number, atMostMs: number): QuantileJudgement {
  const { lower, upper } = quantileInterval(samplesMs, q);
  const neededCount = minimumSamples(q);
  const hasEnough = samplesMs.length >= neededCount;
  return {
    outcome: outcomeOf(),
    valueMs: samplesMs.length === 0 ? undefined : quantile(samplesMs, q),
    lowerMs: lower,
    upperMs: upper,
    count: samplesMs.length,
    neededCount,
    hasEnough,
  };

  function outcomeOf(): JudgementOutcome {
    if (!hasEnough) return "inconclusive";
    if (upper <= atMostMs) return "held";
    return lower > atMostMs ? "deviated" : "inconclusive";
  }
}
