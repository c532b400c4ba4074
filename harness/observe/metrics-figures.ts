import type { RecordedMetrics, RecordedTarget } from "./recorded-metrics.ts";

/** What there is of a run's metrics, in figures: also what `squall metrics --json` prints. */
export interface MetricsFigures {
  readonly schemaVersion: 1;
  readonly run: string | undefined;
  /** From the first scrape to the last; epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly everyMs: number | undefined;
  /** Of the file that they are kept in. */
  readonly sizeBytes: number;
  readonly families: number;
  readonly series: number;
  readonly samples: number;
  readonly exemplars: number;
  readonly targets: readonly TargetFigures[];
  /** Why there may have been more. */
  readonly lost: { readonly invalidLines: number; readonly isCut: boolean; readonly fullAtMs?: number };
}

export interface TargetFigures {
  readonly job: string;
  readonly instance: string;
  readonly scrapes: number;
  readonly failed: number;
  readonly series: number;
  readonly samples: number;
  /** Times of twice a scrape's interval or more without one that brought anything. */
  readonly gaps: number;
  readonly longestGapMs: number;
  /** Why scrapes failed, and how often. */
  readonly problems: Readonly<Record<string, number>>;
}

/** Counts what was read. @param sizeBytes of its file */
export function metricsFigures(metrics: RecordedMetrics, sizeBytes: number): MetricsFigures {
  const { run, everyMs, families, loss, fullAtMs } = metrics;
  const targets = metrics.targets.map((target) => figuresOf(target, everyMs ?? 1_000));
  const timesMs = metrics.targets.flatMap(({ scrapes }) => [scrapes.at(0)?.atMs, scrapes.at(-1)?.atMs]);
  const known = timesMs.filter((atMs) => atMs !== undefined);
  return {
    schemaVersion: 1,
    run,
    startMs: Math.min(...known),
    endMs: Math.max(...known),
    everyMs,
    sizeBytes,
    families: families.length,
    series: sum(targets, ({ series }) => series),
    samples: sum(targets, ({ samples }) => samples),
    exemplars: sum(
      families.flatMap(({ metrics }) => metrics).flatMap(({ series }) => series),
      ({ exemplars }) => exemplars.size,
    ),
    targets,
    lost: { ...loss, ...(fullAtMs === undefined ? {} : { fullAtMs }) },
  };
}

function figuresOf(
  { job, instance, scrapes, series, samples }: RecordedTarget,
  everyMs: number,
): TargetFigures {
  const problems: Record<string, number> = {};
  for (const { problem } of scrapes)
    if (problem !== undefined) problems[problem] = (problems[problem] ?? 0) + 1;
  // Before the first scrape it was not there, after the last one neither; a failure at either end is a gap.
  const seenMs = scrapes
    .filter(({ problem }, index) => problem === undefined || index === 0 || index === scrapes.length - 1)
    .map(({ atMs }) => atMs);
  const apartMs = seenMs.slice(1).map((atMs, index) => atMs - (seenMs[index] as number));
  const gapsMs = apartMs.filter((ms) => ms >= 1.9 * everyMs); // the second scrape of two may come a little early
  return {
    job,
    instance,
    scrapes: scrapes.length,
    failed: sum(Object.values(problems), (count) => count),
    series,
    samples,
    gaps: gapsMs.length,
    longestGapMs: Math.max(0, ...gapsMs),
    problems,
  };
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
