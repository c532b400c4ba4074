import { countCompleteness, type CompletenessCount, type CompletenessOptions } from "./completeness.ts";
import { criticalPath } from "./critical-path.ts";
import { placeOf } from "./contribution.ts";
import { dependencyGraph, type DependencyGraph, type GraphOptions } from "./dependency-graph.ts";
import { fallbacksUsed, type FallbackUse } from "./fallbacks-used.ts";
import { nPlusOne, type NPlusOne } from "./n-plus-one.ts";
import type { PreparedTrace } from "./prepared-trace.ts";
import { retryAmplification, type RetryAmplification } from "./retry-amplification.ts";
import { selfTimeByOperation, type OperationTime } from "./self-time.ts";
import { sequentialCalls, type SequentialCalls } from "./sequential-calls.ts";
import { swallowedErrors, type SwallowedError } from "./swallowed-errors.ts";
import { timeoutInversions, type TimeoutInversion } from "./timeout-inversion.ts";

/** All that traces tell by themselves; what changed between two sets of them is {@link blame}'s. */
export interface TraceAnalysis {
  readonly spans: number;
  readonly completeness: CompletenessCount;
  /** Between which services clocks were off so far that it could be seen, the most often first. */
  readonly clockShifts: readonly ClockShifts[];
  readonly graph: DependencyGraph;
  readonly selfTime: readonly OperationTime[];
  readonly retries: RetryAmplification;
  readonly sequentialCalls: readonly SequentialCalls[];
  readonly nPlusOne: readonly NPlusOne[];
  readonly timeoutInversions: readonly TimeoutInversion[];
  readonly fallbacks: readonly FallbackUse[];
  readonly swallowedErrors: readonly SwallowedError[];
}

export interface ClockShifts {
  readonly caller: string;
  readonly callee: string;
  readonly spans: number;
  /** The largest that was added, with its sign. */
  readonly largestMs: number;
}

export function analyseTraces(
  prepared: readonly PreparedTrace[],
  options: GraphOptions & Pick<CompletenessOptions, "unsent">,
): TraceAnalysis {
  const entry = options.entry?.service;
  const { unsent } = options;
  return {
    spans: prepared.reduce((sum, { trace }) => sum + trace.spans.length, 0),
    completeness: countCompleteness(
      prepared.map(({ trace }) => trace),
      { entry, unsent, ports: prepared[0]?.ports },
    ),
    clockShifts: clockShiftsOf(prepared),
    graph: dependencyGraph(prepared, options),
    selfTime: selfTimeByOperation(prepared),
    retries: retryAmplification(prepared),
    sequentialCalls: sequentialCalls(prepared),
    nPlusOne: nPlusOne(prepared),
    timeoutInversions: timeoutInversions(prepared),
    fallbacks: fallbacksUsed(prepared),
    swallowedErrors: swallowedErrors(prepared),
  };
}

function clockShiftsOf(prepared: readonly PreparedTrace[]): readonly ClockShifts[] {
  const pairs = new Map<string, { -readonly [Key in keyof ClockShifts]: ClockShifts[Key] }>();
  for (const { shifts } of prepared)
    for (const { caller, callee, byMs } of shifts) {
      const key = `${caller} ${callee}`;
      const pair = pairs.get(key);
      if (pair === undefined) pairs.set(key, { caller, callee, spans: 1, largestMs: byMs });
      else {
        pair.spans += 1;
        if (Math.abs(byMs) > Math.abs(pair.largestMs)) pair.largestMs = byMs;
      }
    }
  return [...pairs.values()].sort((a, b) => b.spans - a.spans);
}

/** One trace in a line: where its time went. */
export interface SlowTrace {
  readonly traceId: string;
  readonly operation: string;
  readonly durationMs: number;
  readonly isComplete: boolean;
  /** By place along its critical path, the most first. */
  readonly path: readonly { readonly place: string; readonly ms: number }[];
}

/** The slowest traces, by what their root took. */
export function slowestTraces(prepared: readonly PreparedTrace[], most: number): readonly SlowTrace[] {
  return prepared
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .slice(0, most)
    .map(({ trace, operation, durationMs, ports }) => {
      const byPlace = new Map<string, number>();
      for (const { node, startMs, endMs } of criticalPath(trace)) {
        const place = placeOf(node, ports);
        byPlace.set(place, (byPlace.get(place) ?? 0) + endMs - startMs);
      }
      const { traceId, isComplete } = trace;
      const path = [...byPlace].map(([place, ms]) => ({ place, ms })).sort((a, b) => b.ms - a.ms);
      return { traceId, operation, durationMs, isComplete, path };
    });
}
