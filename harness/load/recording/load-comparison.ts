import { z } from "zod";
import { resolutionMs } from "../../stats/histogram.ts";
import { minimumSamples } from "../../stats/quantile.ts";
import { meanDifference, minimumPerSide, type MeanDifference } from "../../stats/welch.ts";
import { sliceMs, type RecordedLoad, type Series } from "./recorded-load.ts";
import { mergeTallies, type Tally } from "./tally.ts";

/**
 * Two loads side by side, one before and one after something changed, by journey and by step.
 *
 * How sure a difference is, is told from rounds of six seconds within each load: from the spread of the rounds'
 * percentiles, on a logarithmic scale, and of their shares of errors (Welch). That says whether *these two* differ by more than their own ups and
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
  /** Whole ones, in order. */
  readonly rounds: readonly Tally[];
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
      mergeTallies((byRound.get(round) ?? []).map(([, tally]) => tally)),
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
    errorRatio: compareErrors(before, after),
    okPerSecond: { before: one, after: other, ...(one === 0 ? {} : { ratio: other / one }) },
  };
}

function comparePercentile(before: Part, after: Part, share: number): Compared {
  const needed = minimumSamples(share);
  const seen = sideBySide(before.total.latency.percentileMs(share), after.total.latency.percentileMs(share));
  const logsOf = ({ rounds }: Part): number[] =>
    rounds
      .filter(({ latency }) => latency.count >= needed)
      .map(({ latency }) => Math.log(Math.max(latency.percentileMs(share) ?? 0, resolutionMs)));
  const [ones, others] = [logsOf(before), logsOf(after)];
  const difference = differenceOf(ones, others);
  if (difference === undefined)
    return { outcome: "not-enough-data", ...seen, lacking: lackingOf(needed, ones, others) };
  return {
    outcome: outcomeOf(difference),
    ...seen,
    ratioLower: Math.exp(difference.lower),
    ratioUpper: Math.exp(difference.upper),
  };
}

/** By the spread of the rounds as well, since errors come in bursts: as independent draws they would prove too much. */
function compareErrors(before: Part, after: Part): Compared {
  const ratioOf = ({ counts, total }: Tally): number | undefined =>
    total === 0 ? undefined : (total - counts.ok) / total;
  const seen = sideBySide(ratioOf(before.total), ratioOf(after.total));
  const ratiosOf = ({ rounds }: Part): number[] =>
    rounds.filter(({ total }) => total >= minimumPerRound).map((round) => ratioOf(round) ?? 0);
  const [ones, others] = [ratiosOf(before), ratiosOf(after)];
  const difference = differenceOf(ones, others);
  if (difference === undefined)
    return { outcome: "not-enough-data", ...seen, lacking: lackingOf(minimumPerRound, ones, others) };
  return { outcome: outcomeOf(difference), ...seen };
}

/** As for a median. */
const minimumPerRound = minimumSamples(0.5);

function sideBySide(before: number | undefined, after: number | undefined): Omit<Compared, "outcome"> {
  return {
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...(before === undefined || after === undefined || before === 0 ? {} : { ratio: after / before }),
  };
}

/** Undefined with too few rounds. */
function differenceOf(ones: readonly number[], others: readonly number[]): MeanDifference | undefined {
  return Math.min(ones.length, others.length) < minimumPerSide ? undefined : meanDifference(ones, others);
}

function outcomeOf({ lower, upper }: MeanDifference): ComparisonOutcome {
  if (lower > 0) return "higher";
  return upper < 0 ? "lower" : "not-told-apart";
}

function lackingOf(needed: number, ones: readonly number[], others: readonly number[]): string {
  return (
    `${minimumPerSide} rounds of ${roundMs / 1_000} s with at least ${needed} operations each on both sides, ` +
    `there are ${ones.length} and ${others.length}`
  );
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
