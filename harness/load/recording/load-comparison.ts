import { z } from "zod";
import { mergeHistograms, resolutionMs, type Histogram } from "../../stats/histogram.ts";
import { minimumSamples } from "../../stats/quantile.ts";
import { meanDifference, minimumPerSide } from "../../stats/welch.ts";
import { wilsonInterval } from "../../stats/wilson.ts";
import { sliceMs, type RecordedLoad, type Series } from "./recorded-load.ts";
import { mergeTallies, type Tally } from "./tally.ts";

/**
 * Two loads side by side, one before and one after something changed, by journey and by step.
 *
 * How sure a difference is, is told from rounds of six seconds within each load: from the spread of the rounds'
 * percentiles, on a logarithmic scale (Welch). That says whether *these two* differ by more than their own ups and
 * downs. It cannot say why: a system that is run twice differs from itself, by more than its rounds do. So no outcome
 * here is a proof, and {@link caution} goes with all of them.
 */
export const caution =
  "Two runs alone do not prove a difference: one and the same system differs from run to run by more than within one. " +
  "Repeat both in turns, five times each.";

export const roundMs = 6_000;

const outcomeSchema = z.enum(["higher", "lower", "not-told-apart", "not-enough-data"]);
/** Of `after` against `before`: over or under it with 95 % confidence in these two loads. */
export type ComparisonOutcome = z.output<typeof outcomeSchema>;

const comparedSchema = z.object({
  outcome: outcomeSchema,
  /** Absent where there is none. */
  before: z.number().optional(),
  after: z.number().optional(),
  /** after / before */
  ratio: z.number().optional(),
  /** Bounds of the ratio in a typical round, at 95 % each; of percentiles with enough data. */
  ratioLower: z.number().optional(),
  ratioUpper: z.number().optional(),
  /** What was lacking: for `not-enough-data`. */
  lacking: z.string().optional(),
});
export type Compared = Readonly<z.output<typeof comparedSchema>>;

const comparedSeriesSchema = z.object({
  /** In milliseconds, from the intended start. */
  p50: comparedSchema,
  p95: comparedSchema,
  p99: comparedSchema,
  /** What did not end `ok`, as a share of all. */
  errorRatio: comparedSchema,
  /** What ended `ok`, of the time in which arrivals came. */
  okPerSecond: z.object({ before: z.number(), after: z.number(), ratio: z.number().optional() }),
});
export type ComparedSeries = Readonly<z.output<typeof comparedSeriesSchema>>;

const nameSchema = z.object({ journey: z.string(), step: z.string().optional() });

export const loadComparisonSchema = z.object({
  schemaVersion: z.literal(1),
  caution: z.string(),
  /** Of either load: why its figures are not the whole of it, or not the target's. */
  problems: z.array(z.string()),
  /** Of all journeys together. */
  all: comparedSeriesSchema,
  journeys: z.array(comparedSeriesSchema.extend({ journey: z.string() })),
  steps: z.array(comparedSeriesSchema.extend({ journey: z.string(), step: z.string() })),
  /** Journeys and steps that only one of them has. */
  onlyBefore: z.array(nameSchema),
  onlyAfter: z.array(nameSchema),
});
export type LoadComparison = Readonly<z.output<typeof loadComparisonSchema>>;

export function compareLoadResults(before: RecordedLoad, after: RecordedLoad): LoadComparison {
  const journeys = pairs(before.journeys, after.journeys);
  const steps = pairs(before.steps, after.steps);
  const compare = (one: readonly Series[], other: readonly Series[]): ComparedSeries =>
    compareParts(partOf(before, one), partOf(after, other));
  return {
    schemaVersion: 1,
    caution,
    problems: [
      ...before.drivers.flatMap(({ problems }) => problems.map((problem) => `before: ${problem}`)),
      ...after.drivers.flatMap(({ problems }) => problems.map((problem) => `after: ${problem}`)),
    ],
    all: compare(before.journeys, after.journeys),
    journeys: journeys.both.map(([one, other]) => ({ journey: one.journey, ...compare([one], [other]) })),
    steps: steps.both.map(([one, other]) => ({
      journey: one.journey,
      step: one.step ?? "",
      ...compare([one], [other]),
    })),
    onlyBefore: [...journeys.onlyFirst, ...steps.onlyFirst],
    onlyAfter: [...journeys.onlySecond, ...steps.onlySecond],
  };
}

/** What one load says of a journey, of a step, or of all journeys. */
interface Part {
  readonly total: Tally;
  readonly drivenMs: number;
  /** Latency by round, in order. */
  readonly rounds: readonly Histogram[];
}

function partOf({ startMs, drivenMs }: RecordedLoad, series: readonly Series[]): Part {
  const slices = series.flatMap((one) => [...one.slices]);
  const firstMs = Math.ceil(startMs / sliceMs) * sliceMs;
  const whole = Math.max(0, Math.floor((startMs + drivenMs - firstMs) / roundMs));
  const byRound = Map.groupBy(slices, ([fromMs]) => Math.floor((fromMs - firstMs) / roundMs));
  return {
    total: mergeTallies(series.map(({ total }) => total)),
    drivenMs,
    rounds: Array.from({ length: whole }, (_, round) =>
      mergeHistograms((byRound.get(round) ?? []).map(([, { latency }]) => latency)),
    ),
  };
}

function compareParts(before: Part, after: Part): ComparedSeries {
  const okPerSecond = ({ total, drivenMs }: Part): number =>
    drivenMs === 0 ? 0 : (total.counts.ok * 1_000) / drivenMs;
  const [one, other] = [okPerSecond(before), okPerSecond(after)];
  return {
    p50: comparePercentile(before, after, 0.5),
    p95: comparePercentile(before, after, 0.95),
    p99: comparePercentile(before, after, 0.99),
    errorRatio: compareErrors(before.total, after.total),
    okPerSecond: { before: one, after: other, ...(one === 0 ? {} : { ratio: other / one }) },
  };
}

function comparePercentile(before: Part, after: Part, share: number): Compared {
  const [one, other] = [before.total.latency.percentileMs(share), after.total.latency.percentileMs(share)];
  const seen = {
    ...(one === undefined ? {} : { before: one }),
    ...(other === undefined ? {} : { after: other }),
  };
  const ratio =
    one === undefined || other === undefined ? {} : { ratio: other / Math.max(one, resolutionMs) };
  const needed = minimumSamples(share);
  const logsOf = ({ rounds }: Part): number[] =>
    rounds
      .filter(({ count }) => count >= needed)
      .map((round) => Math.log(Math.max(round.percentileMs(share) ?? 0, resolutionMs)));
  const [ones, others] = [logsOf(before), logsOf(after)];
  if (Math.min(ones.length, others.length) < minimumPerSide)
    return {
      outcome: "not-enough-data",
      ...seen,
      ...ratio,
      lacking:
        `${minimumPerSide} rounds of ${roundMs / 1_000} s with at least ${needed} operations each on both sides, ` +
        `there are ${ones.length} and ${others.length}`,
    };
  const { lower, upper } = meanDifference(ones, others);
  return {
    outcome: lower > 0 ? "higher" : upper < 0 ? "lower" : "not-told-apart",
    ...seen,
    ...ratio,
    ratioLower: Math.exp(lower),
    ratioUpper: Math.exp(upper),
  };
}

/** By Wilson's bounds of each: apart when they do not overlap, which asks for more than 95 %. */
function compareErrors(before: Tally, after: Tally): Compared {
  const [one, other] = [before, after].map(({ counts, total }) => ({
    ratio: total === 0 ? undefined : (total - counts.ok) / total,
    ...wilsonInterval(total - counts.ok, total),
  })) as [ErrorRatio, ErrorRatio];
  if (one.ratio === undefined || other.ratio === undefined)
    return { outcome: "not-enough-data", lacking: "operations on both sides" };
  return {
    outcome: other.lower > one.upper ? "higher" : other.upper < one.lower ? "lower" : "not-told-apart",
    before: one.ratio,
    after: other.ratio,
    ...(one.ratio === 0 ? {} : { ratio: other.ratio / one.ratio }),
  };
}

interface ErrorRatio {
  readonly ratio: number | undefined;
  readonly lower: number;
  readonly upper: number;
}

type Name = z.output<typeof nameSchema>;

function pairs(first: readonly Series[], second: readonly Series[]) {
  const nameOf = ({ journey, step }: Series): Name => ({ journey, ...(step === undefined ? {} : { step }) });
  const sameAs = (one: Series) => (other: Series) => other.journey === one.journey && other.step === one.step;
  return {
    both: first.flatMap((one) => second.filter(sameAs(one)).map((other) => [one, other] as const)),
    onlyFirst: first.filter((one) => !second.some(sameAs(one))).map(nameOf),
    onlySecond: second.filter((one) => !first.some(sameAs(one))).map(nameOf),
  };
}
