import { z } from "zod";
import type { Histogram } from "../../stats/histogram.ts";
import { minimumSamples } from "../../stats/quantile.ts";
import { driverFactsSchema, driverHealthSchema } from "./histogram-line.ts";
import { latenessOf, type RecordedLoad } from "./recorded-load.ts";
import { mergeTallies, type Tally } from "./tally.ts";

/** The figures of a load as `--json` gives them; times in epoch milliseconds, durations in milliseconds. */

const count = z.int().nonnegative();

const percentilesSchema = z.object({
  count,
  minMs: z.number(),
  meanMs: z.number(),
  p50Ms: z.number(),
  p90Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
  p999Ms: z.number(),
  maxMs: z.number(),
  /** Of which percentiles there are too few samples to rely on: fewer than ten are expected beyond them. */
  notEnoughFor: z.array(z.enum(["p50Ms", "p90Ms", "p95Ms", "p99Ms", "p999Ms"])),
});
export type Percentiles = Readonly<z.output<typeof percentilesSchema>>;

const figuresSchema = z.object({
  total: count,
  ok: count,
  fail: count,
  unknown: count,
  /** Never sent, so in no percentile: no connection came about, or none was free in time. They are `fail` as well. */
  unsent: count,
  /** By kind: "http-503", "timeout", "not-sent". */
  errors: z.record(z.string(), count),
  /** Over the time in which arrivals came. */
  perSecond: z.number(),
  okPerSecond: z.number(),
  /** From the intended start; absent when nothing was sent. */
  latency: percentilesSchema.optional(),
  /** From the real start, of the same. */
  service: percentilesSchema.optional(),
});
export type LoadFigures = Readonly<z.output<typeof figuresSchema>>;

const driverSchema = driverFactsSchema.extend({
  drivenMs: z.number(),
  intended: count,
  started: count,
  late: percentilesSchema.optional(),
  health: driverHealthSchema.optional(),
  problems: z.array(z.string()),
});

export const loadSummarySchema = z.object({
  schemaVersion: z.literal(1),
  startMs: z.number(),
  drivenMs: z.number(),
  /** Journeys that should have started, and that did. */
  intended: count,
  started: count,
  /** How late they started; absent when none did. */
  late: percentilesSchema.optional(),
  /** Why the figures are not the whole of it, or not the target's. */
  problems: z.array(z.string()),
  drivers: z.array(driverSchema),
  /** Of all journeys together. */
  all: figuresSchema,
  journeys: z.array(figuresSchema.extend({ journey: z.string() })),
  steps: z.array(figuresSchema.extend({ journey: z.string(), step: z.string() })),
  /** Journeys by second of intended start, a multiple of 1,000; seconds without any are absent. */
  seconds: z.array(
    z.object({
      fromMs: z.number(),
      ok: count,
      fail: count,
      unknown: count,
      p50Ms: z.number().optional(),
      p99Ms: z.number().optional(),
    }),
  ),
});
export type LoadSummary = Readonly<z.output<typeof loadSummarySchema>>;

export function summarizeLoad(load: RecordedLoad): LoadSummary {
  const { drivers, startMs, drivenMs, journeys, steps } = load;
  const sum = (figure: (driver: (typeof drivers)[number]) => number): number =>
    drivers.reduce((total, driver) => total + figure(driver), 0);
  const slices = Map.groupBy(
    journeys.flatMap((series) => [...series.slices]),
    ([fromMs]) => fromMs,
  );
  return {
    schemaVersion: 1,
    startMs,
    drivenMs,
    intended: sum(({ intended }) => intended),
    started: sum(({ started }) => started),
    ...named("late", latenessOf(load)),
    problems: problemsOf(load),
    drivers: drivers.map(({ late, problems, ...driver }) => ({
      ...driver,
      ...named("late", late),
      problems: [...problems],
    })),
    all: figuresOf(mergeTallies(journeys.map(({ total }) => total)), drivenMs),
    journeys: journeys.map(({ journey, total }) => ({ journey, ...figuresOf(total, drivenMs) })),
    steps: steps.map(({ journey, step = "", total }) => ({ journey, step, ...figuresOf(total, drivenMs) })),
    seconds: Array.from(slices, ([fromMs, tallies]) => {
      const { counts, latency } = mergeTallies(tallies.map(([, tally]) => tally));
      const [p50Ms, p99Ms] = [latency.percentileMs(0.5), latency.percentileMs(0.99)];
      return { fromMs, ...counts, ...(p50Ms === undefined ? {} : { p50Ms, p99Ms }) };
    }).sort((one, other) => one.fromMs - other.fromMs),
  };
}

function problemsOf({ drivers }: RecordedLoad): string[] {
  const own = drivers.flatMap(({ driver, problems }) =>
    drivers.length === 1 ? problems : problems.map((problem) => `driver ${driver}: ${problem}`),
  );
  const seeds = Map.groupBy(drivers, ({ seed }) => seed);
  const shared = Array.from(seeds).filter(([, ofSeed]) => ofSeed.length > 1);
  return [
    ...own,
    ...shared.map(
      ([seed, { length }]) =>
        `${length} drivers had the same seed ${JSON.stringify(seed)}: they drove the same load ${length} times, and not one that is ${length} times as large`,
    ),
  ];
}

function figuresOf(tally: Tally, drivenMs: number): LoadFigures {
  const { counts, total, errors, latency, service } = tally;
  const seconds = drivenMs / 1_000;
  return {
    total,
    ...counts,
    unsent: total - latency.count,
    errors: Object.fromEntries(errors),
    perSecond: seconds === 0 ? 0 : total / seconds,
    okPerSecond: seconds === 0 ? 0 : counts.ok / seconds,
    ...named("latency", latency),
    ...named("service", service),
  };
}

const shares = { p50Ms: 0.5, p90Ms: 0.9, p95Ms: 0.95, p99Ms: 0.99, p999Ms: 0.999 } as const;
type Percentile = keyof typeof shares;

/** The percentiles of a histogram under a name, or nothing of an empty one. */
function named<Name extends string>(name: Name, histogram: Histogram): { [name in Name]?: Percentiles } {
  const percentiles = percentilesOf(histogram);
  return percentiles === undefined ? {} : ({ [name]: percentiles } as { [name in Name]?: Percentiles });
}

/** Undefined when the histogram is empty. */
export function percentilesOf(histogram: Histogram): Percentiles | undefined {
  const { count: samples, minMs, meanMs, maxMs } = histogram;
  if (minMs === undefined || meanMs === undefined || maxMs === undefined) return undefined;
  const told = Object.entries(shares).map(([name, share]) => [name, histogram.percentileMs(share)] as const);
  const notEnoughFor = (Object.keys(shares) as Percentile[]).filter(
    (name) => samples < minimumSamples(shares[name]),
  );
  return {
    count: samples,
    minMs,
    meanMs,
    ...(Object.fromEntries(told) as Record<Percentile, number>),
    maxMs,
    notEnoughFor,
  };
}
