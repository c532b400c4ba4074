import { binomialTail } from "../stats/binomial.ts";
import { quantile } from "../stats/quantile.ts";
import { rankSumTail } from "../stats/rank-sum.ts";
import { wilsonInterval } from "../stats/wilson.ts";
import { contributionOf, type Contribution } from "./contribution.ts";
import type { PreparedTrace } from "./prepared-trace.ts";

/**
 * Which place explains what changed between two sets of traces. A place is an edge (the time of a call that its callee's
 * own spans do not account for) or a service (what its own spans did). Only what a place adds by itself counts, on the
 * critical path for time and where a failure began for errors, so that callers are not blamed for whom they wait for.
 *
 * One comparison, fixed beforehand; with nothing changed, it blames anything at all in at most 1 % of comparisons:
 *
 * - Traces are compared with those of the same operation, so that another mix is no change.
 * - Neighbours in time are not independent. So each set is cut into ten blocks by time, and blocks are ranked against
 *   blocks, exactly: a burst is one block, however many traces it had.
 * - What every place grew by alike is the machine's doing and is taken off: the median of the growth of all places.
 * - What is left must exceed a margin that a person would call a change: 5 ms, and a tenth of how long the traces took.
 * - A failure must exceed what the baseline's bound allows by one call in a hundred.
 * - The 1 % is shared by all tests that are made (Bonferroni), and who explains less than a tenth is not named.
 */
export interface Blame {
  /** Complete traces compared. */
  readonly traces: { readonly baseline: number; readonly fault: number };
  /** Traces of the fault whose operation the baseline has too few of. */
  readonly leftOut: number;
  /** How long a trace took on the mean, by the fault's mix of operations. */
  readonly meanMs: { readonly baseline: number; readonly fault: number };
  /** The largest share of the change first; empty when nothing stands out. */
  readonly blamed: readonly Blamed[];
  /** Called only in the fault: there is nothing to compare it with. */
  readonly begun: readonly { readonly place: string; readonly traces: number; readonly addedShare: number }[];
  /** Places with too few traces on either side to say anything of their time. */
  readonly untested: readonly string[];
  /** By how much all places grew alike, at least 1. */
  readonly growth: number;
  /** How many tests shared the 1 %. */
  readonly tests: number;
}

export interface Blamed {
  /** "payment -> gateway-a", or a service. */
  readonly place: string;
  readonly kind: "edge" | "service";
  readonly time: TimeChange | undefined;
  readonly errors: ErrorChange | undefined;
  /** Up to three traces that show it. */
  readonly traceIds: readonly string[];
}

export interface TimeChange {
  /** On the critical path of a trace that comes to this place, on the mean. */
  readonly baselineMs: number;
  readonly faultMs: number;
  /** Of all that was added to the traces' time, by all places that added some. */
  readonly share: number;
  readonly traces: { readonly baseline: number; readonly fault: number };
}

export interface ErrorChange {
  /** Failures that began here, of all that was done here. */
  readonly baseline: { readonly failed: number; readonly of: number };
  readonly fault: { readonly failed: number; readonly of: number };
  /** Of all failures that were added. */
  readonly share: number;
  readonly traces: number;
}

const falseBlames = 0.01;
const blocks = 10;
/** Three in a block. */
const leastTraces = 3 * blocks;
const leastOfOperation = 5;
const leastAddedMs = 5;
const leastAddedOfDuration = 0.1;
const leastAddedErrors = 0.01;
const leastShare = 0.1;
const leastPlacesForGrowth = 5;
const leastForGrowthMs = 0.2;
const examples = 3;

export function blame(baselineTraces: Iterable<PreparedTrace>, faultTraces: Iterable<PreparedTrace>): Blame {
  const baseline = contributionsOf(baselineTraces);
  const all = contributionsOf(faultTraces);
  const usual = usualOf(baseline);
  const fault = all.filter(({ operation }) => usual.has(operation));
  const comparable = baseline.filter(({ operation }) => usual.has(operation));
  const places = new Set([...comparable, ...fault].flatMap(({ parts }) => [...parts.keys()]));
  const compared = [...places].sort().map((place) => comparePlace(place, comparable, fault, usual));
  const tested = compared.filter(({ hasEnough }) => hasEnough);
  const growth = commonGrowth(tested);
  const tests = tested.length + compared.length;
  const level = falseBlames / Math.max(1, tests);
  const addedMs = sumOf(compared, (place) => Math.max(0, place.addedMs));
  const addedFailures = sumOf(compared, (place) => Math.max(0, place.addedFailures));
  const blamed = compared.flatMap((place): Blamed[] => {
    const timeShare = addedMs === 0 ? 0 : Math.max(0, place.addedMs) / addedMs;
    const errorShare = addedFailures === 0 ? 0 : Math.max(0, place.addedFailures) / addedFailures;
    const isSlower = timeShare >= leastShare && place.hasEnough && timeTail(place, growth) <= level;
    const failsMore = errorShare >= leastShare && errorTail(place) <= level;
    if (!isSlower && !failsMore) return [];
    return [
      {
        place: place.place,
        kind: place.place.includes(" -> ") ? "edge" : "service",
        time: isSlower ? timeChangeOf(place, timeShare) : undefined,
        errors: failsMore ? errorChangeOf(place, errorShare) : undefined,
        traceIds: examplesOf(place, failsMore && !isSlower),
      },
    ];
  });
  return {
    traces: { baseline: comparable.length, fault: fault.length },
    leftOut: all.length - fault.length,
    meanMs: {
      baseline: meanOf(fault.map(({ operation }) => usual.get(operation)?.durationMs ?? 0)),
      fault: meanOf(fault.map(({ durationMs }) => durationMs)),
    },
    blamed: blamed.sort((a, b) => shareOf(b) - shareOf(a) || (a.place < b.place ? -1 : 1)),
    begun: compared
      .filter(({ before, during }) => before.length === 0 && during.length > 0)
      .map((place) => ({
        place: place.place,
        traces: place.during.length,
        addedShare: addedMs === 0 ? 0 : Math.max(0, place.addedMs) / addedMs,
      }))
      .sort((a, b) => b.addedShare - a.addedShare || b.traces - a.traces),
    untested: compared
      .filter(({ hasEnough, before }) => !hasEnough && before.length > 0)
      .map(({ place }) => place),
    growth,
    tests,
  };
}

function contributionsOf(prepared: Iterable<PreparedTrace>): readonly Contribution[] {
  const contributions: Contribution[] = [];
  for (const one of prepared) if (one.trace.isComplete) contributions.push(contributionOf(one));
  return contributions.sort((a, b) => a.startMs - b.startMs);
}

/** What is usual of an operation: how long it takes, and what each place has of that in the traces that come to it. */
interface Usual {
  readonly traces: number;
  readonly durationMs: number;
  readonly places: ReadonlyMap<string, { readonly traces: number; readonly meanMs: number }>;
}

function usualOf(baseline: readonly Contribution[]): ReadonlyMap<string, Usual> {
  const usual = new Map<string, Usual>();
  for (const [operation, traces] of Map.groupBy(baseline, (one) => one.operation)) {
    if (traces.length < leastOfOperation) continue;
    const sums = new Map<string, { traces: number; ms: number }>();
    for (const { parts } of traces)
      for (const [place, { ms }] of parts) {
        const sum = sums.get(place);
        if (sum === undefined) sums.set(place, { traces: 1, ms });
        else {
          sum.traces += 1;
          sum.ms += ms;
        }
      }
    usual.set(operation, {
      traces: traces.length,
      durationMs: meanOf(traces.map(({ durationMs }) => durationMs)),
      places: new Map(
        [...sums].map(([place, sum]) => [place, { traces: sum.traces, meanMs: sum.ms / sum.traces }]),
      ),
    });
  }
  return usual;
}

/** A trace at one place, against what is usual there. */
interface Visit {
  readonly traceId: string;
  readonly ms: number;
  /** In the baseline, of traces of this operation that come to this place; not a number where that is not known. */
  readonly usualMs: number;
  readonly spans: number;
  readonly failed: number;
  readonly usualDurationMs: number;
}

interface ComparedPlace {
  readonly place: string;
  /** All that came here, by when they did, in the baseline and during the fault. */
  readonly before: readonly Visit[];
  readonly during: readonly Visit[];
  /** Those of which it is known what is usual. */
  readonly timedBefore: readonly Visit[];
  readonly timedDuring: readonly Visit[];
  readonly hasEnough: boolean;
  /** What it adds to a trace of the fault's, on the mean over all of them. */
  readonly addedMs: number;
  readonly addedFailures: number;
}

function comparePlace(
  place: string,
  baseline: readonly Contribution[],
  fault: readonly Contribution[],
  usual: ReadonlyMap<string, Usual>,
): ComparedPlace {
  const visitsOf = (traces: readonly Contribution[]): readonly Visit[] =>
    traces.flatMap(({ traceId, operation, parts }) => {
      const part = parts.get(place);
      const of = usual.get(operation);
      if (part === undefined || of === undefined) return [];
      return [{ traceId, ...part, usualMs: usualAt(of, place), usualDurationMs: of.durationMs }];
    });
  const before = visitsOf(baseline);
  const during = visitsOf(fault);
  const timedBefore = before.filter(({ usualMs }) => !Number.isNaN(usualMs));
  const timedDuring = during.filter(({ usualMs }) => !Number.isNaN(usualMs));
  const expectedMs = meanOf(
    fault.map(({ operation }) => {
      const of = usual.get(operation);
      const at = of?.places.get(place);
      return of === undefined || at === undefined ? 0 : (at.meanMs * at.traces) / of.traces;
    }),
  );
  const perTrace = (visits: readonly Visit[], traces: number, value: (visit: Visit) => number): number =>
    traces === 0 ? 0 : sumOf(visits, value) / traces;
  return {
    place,
    before,
    during,
    timedBefore,
    timedDuring,
    hasEnough: timedBefore.length >= leastTraces && timedDuring.length >= leastTraces,
    addedMs: perTrace(during, fault.length, ({ ms }) => ms) - expectedMs,
    addedFailures:
      perTrace(during, fault.length, ({ failed }) => failed) -
      perTrace(before, baseline.length, ({ failed }) => failed),
  };
}

/** Not a number where too few of the baseline came there to say. */
function usualAt({ places }: Usual, place: string): number {
  const at = places.get(place);
  return at === undefined || at.traces < leastOfOperation ? Number.NaN : at.meanMs;
}

/** The median growth of the places that have time enough to grow; what shrank as a whole has not grown. */
function commonGrowth(tested: readonly ComparedPlace[]): number {
  const ratios = tested.flatMap(({ timedDuring }) => {
    const usualMs = meanOf(timedDuring.map((visit) => visit.usualMs));
    return usualMs < leastForGrowthMs ? [] : [meanOf(timedDuring.map(({ ms }) => ms)) / usualMs];
  });
  return ratios.length < leastPlacesForGrowth ? 1 : Math.max(1, quantile(ratios, 0.5));
}

/** How likely such ranks of the blocks are, if the fault added no more than the margin to what all places grew by. */
function timeTail({ timedBefore, timedDuring }: ComparedPlace, growth: number): number {
  const marginMs = Math.max(
    leastAddedMs,
    leastAddedOfDuration * meanOf(timedDuring.map(({ usualDurationMs }) => usualDurationMs)),
  );
  const before = blockMeans(timedBefore.map(({ ms, usualMs }) => growth * (ms - usualMs)));
  const during = blockMeans(timedDuring.map(({ ms, usualMs }) => ms - growth * usualMs));
  return rankSumTail(
    during,
    before.map((meanMs) => meanMs + marginMs),
  );
}

/** Means of ten runs of neighbours, as equal in number as can be. */
function blockMeans(values: readonly number[]): readonly number[] {
  return Array.from({ length: blocks }, (_, block) =>
    meanOf(
      values.slice(
        Math.floor((block * values.length) / blocks),
        Math.floor(((block + 1) * values.length) / blocks),
      ),
    ),
  );
}

/** How likely so many failures are, if they were no more than the baseline's bound and the margin allow. */
function errorTail({ before, during }: ComparedPlace): number {
  const usual = countsOf(before);
  const { failed, of } = countsOf(during);
  const allowed = wilsonInterval(usual.failed, usual.of).upper + leastAddedErrors;
  if (allowed >= 1 || failed <= allowed * of) return 1;
  return binomialTail(of, allowed, failed);
}

function countsOf(visits: readonly Visit[]): { readonly failed: number; readonly of: number } {
  return { failed: sumOf(visits, ({ failed }) => failed), of: sumOf(visits, ({ spans }) => spans) };
}

function timeChangeOf({ timedBefore, timedDuring }: ComparedPlace, share: number): TimeChange {
  return {
    baselineMs: meanOf(timedDuring.map(({ usualMs }) => usualMs)),
    faultMs: meanOf(timedDuring.map(({ ms }) => ms)),
    share,
    traces: { baseline: timedBefore.length, fault: timedDuring.length },
  };
}

function errorChangeOf({ before, during }: ComparedPlace, share: number): ErrorChange {
  return {
    baseline: countsOf(before),
    fault: countsOf(during),
    share,
    traces: during.filter(({ failed }) => failed > 0).length,
  };
}

function examplesOf({ during }: ComparedPlace, byErrors: boolean): readonly string[] {
  const added = ({ ms, usualMs, failed }: Visit): number =>
    byErrors ? failed : ms - (Number.isNaN(usualMs) ? 0 : usualMs);
  return during
    .toSorted((a, b) => added(b) - added(a))
    .slice(0, examples)
    .map(({ traceId }) => traceId);
}

function shareOf({ time, errors }: Blamed): number {
  return Math.max(time?.share ?? 0, errors?.share ?? 0);
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
