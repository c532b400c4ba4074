import type { LoadProgress } from "../../load/driver.ts";
import type { DriverHealth } from "../../load/self-check.ts";
import { createTally, mergeTallies, tallyFromJSON, type Tally } from "../../load/recording/tally.ts";
import type { Histogram } from "../../stats/histogram.ts";

/** How a load goes, for whoever watches it. */
export interface LiveFigures {
  /** Since the first arrival could come. */
  readonly elapsedMs: number;
  /** Journeys, so far. */
  readonly intended: number;
  readonly started: number;
  readonly ended: number;
  readonly underWay: number;
  readonly users: number;
  /** Journeys that ended, but not ok; and of which kinds of error, most frequent first. */
  readonly notOk: number;
  readonly errors: readonly (readonly [kind: string, count: number])[];
  readonly lastSecond: LiveRates;
  /** Latency of requests, from the intended start. */
  readonly recent: Histogram;
  readonly soFar: Histogram;
  /** Of the driver itself. */
  readonly health: DriverHealth;
}

/** Journeys a second, over the last second. */
export interface LiveRates {
  readonly intendedPerSecond: number;
  readonly startedPerSecond: number;
  readonly endedPerSecond: number;
}

const windowMs = 1_000;

/** @param startAtMs zero of the schedule, epoch milliseconds @returns takes in what the driver tells and adds it up */
export function keepLiveFigures(startAtMs: number): (progress: LoadProgress) => LiveFigures {
  const all = createTally();
  const errors = new Map<string, number>();
  let ended = 0;
  /** What was told, up to a second ago, and one before that to count from. */
  let window: (Counts & { readonly operations: Tally })[] = [
    { atMs: startAtMs, intended: 0, started: 0, ended: 0, operations: createTally() },
  ];
  return (progress) => {
    const { atMs, intended, started, underWay, users, health } = progress;
    const operations = tallyFromJSON(progress.operations);
    all.merge(operations);
    ended += progress.ended.length;
    for (const { errorKind } of progress.ended)
      if (errorKind !== undefined) errors.set(errorKind, (errors.get(errorKind) ?? 0) + 1);
    window.push({ atMs, intended, started, ended, operations });
    const begin = window.findLastIndex((told) => told.atMs <= atMs - windowMs);
    window = window.slice(Math.max(0, begin));
    const [first, ...recent] = window as [(typeof window)[number], ...typeof window];
    const perSecond = (count: (counts: Counts) => number): number =>
      ((count({ atMs, intended, started, ended }) - count(first)) * 1_000) / Math.max(1, atMs - first.atMs);
    return {
      elapsedMs: Math.max(0, atMs - startAtMs),
      intended,
      started,
      ended,
      underWay,
      users,
      notOk: errors.values().reduce((sum, count) => sum + count, 0),
      errors: [...errors].sort(([, one], [, other]) => other - one),
      lastSecond: {
        intendedPerSecond: perSecond((counts) => counts.intended),
        startedPerSecond: perSecond((counts) => counts.started),
        endedPerSecond: perSecond((counts) => counts.ended),
      },
      recent: mergeTallies(recent.map((told) => told.operations)).latency,
      soFar: all.latency,
      health,
    };
  };
}

interface Counts {
  readonly atMs: number;
  readonly intended: number;
  readonly started: number;
  readonly ended: number;
}
