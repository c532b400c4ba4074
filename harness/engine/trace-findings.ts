import type { During, TraceBlame, TraceFindings } from "../record/trace-findings.ts";
import { analyseTraces, type TraceAnalysis } from "../traces/analysis.ts";
import { blame } from "../traces/blame.ts";
import type { GraphOptions } from "../traces/dependency-graph.ts";
import type { PreparedTraces } from "./prepared-traces.ts";

/** Findings of one kind that a report shows: it is to be read, and `squall traces` has the rest. */
const mostOfAKind = 12;
/** A clock that is off shifts every call; a few are callees that stood still between their answer and their span's end. */
const leastShifted = 10;
/** Characters of a statement. */
const longestShape = 200;

/**
 * What the traces of a run tell, each finding with how often it was in the baseline and in the fault, so that what the
 * fault brought stands apart from what was there before.
 */
export function traceFindings(
  traces: PreparedTraces,
  options: Pick<GraphOptions, "declared" | "entry">,
): TraceFindings | undefined {
  if (traces.all.length === 0) return undefined;
  // No figure that is kept is a rate, so that it does not matter how long the traces were collected.
  const [whole, baseline, fault] = [traces.all, traces.inPhase("baseline"), traces.inPhase("fault")].map(
    (some) => analyseTraces(some, { ...options, durationMs: 0 }),
  ) as [TraceAnalysis, TraceAnalysis, TraceAnalysis];
  let leftOut = 0;
  /** The first of a kind, each with its count before and in the fault. */
  function kept<T, U>(
    kind: (analysis: TraceAnalysis) => readonly T[],
    keyOf: (one: T) => string,
    countOf: (one: T) => number,
    keep: (one: T) => U,
  ): (U & { during: During })[] {
    const found = kind(whole);
    leftOut += Math.max(0, found.length - mostOfAKind);
    const [before, during] = [baseline, fault].map(
      (analysis) => new Map(kind(analysis).map((one) => [keyOf(one), countOf(one)])),
    );
    return found.slice(0, mostOfAKind).map((one) => {
      const key = keyOf(one);
      return { ...keep(one), during: { baseline: before?.get(key) ?? 0, fault: during?.get(key) ?? 0 } };
    });
  }

  return {
    undeclared: kept(
      ({ graph }) => graph.undeclared,
      ({ edge }) => edge,
      ({ calls }) => calls,
      ({ edge, calls, slowestTraceId }) => ({ edge, calls, traceId: slowestTraceId }),
    ),
    neverSeen: [...whole.graph.neverSeen],
    swallowedErrors: kept(
      ({ swallowedErrors }) => swallowedErrors,
      ({ operation, failed, dealtWith }) => [operation, failed, dealtWith].join("\n"),
      (one) => one.traces,
      ({ operation, failed, dealtWith, traces, traceId }) => ({
        operation,
        failed,
        dealtWith,
        traces,
        traceId,
      }),
    ),
    timeoutInversions: kept(
      ({ timeoutInversions }) => timeoutInversions,
      ({ edge }) => edge,
      ({ calls }) => calls,
      ({ edge, calls, ofCalls, gaveUpAfterMs, wentOnMs, traceId }) => ({
        edge,
        calls,
        ofCalls,
        gaveUpAfterMs,
        wentOnMs,
        traceId,
      }),
    ),
    retries: kept(
      ({ retries }) => retries.edges,
      ({ edge }) => edge,
      ({ retries }) => retries,
      ({ edge, calls, firstCalls, retries, amplification, worst }) => ({
        edge,
        calls,
        firstCalls,
        retries,
        amplification,
        worstAmplification: worst.amplification,
        traceId: worst.traceId,
      }),
    ),
    nPlusOne: kept(
      ({ nPlusOne }) => nPlusOne,
      ({ operation, edge, shape }) => [operation, edge, shape].join("\n"),
      (one) => one.traces,
      (one) => ({ ...one, shape: one.shape.slice(0, longestShape) }),
    ),
    fallbacks: kept(
      ({ fallbacks }) => fallbacks,
      ({ fallback, operation }) => [fallback, operation].join("\n"),
      (one) => one.traces,
      ({ fallback, operation, traces, ofTraces, traceId }) => ({
        fallback,
        operation,
        traces,
        ofTraces,
        traceId,
      }),
    ),
    sequentialCalls: kept(
      ({ sequentialCalls }) => sequentialCalls,
      ({ operation, edges }) => [operation, ...edges].join("\n"),
      (one) => one.traces,
      ({ operation, edges, traces, sequentialMs, parallelMs, traceId }) => ({
        operation,
        edges: [...edges],
        traces,
        sequentialMs,
        parallelMs,
        traceId,
      }),
    ),
    clockShifts: whole.clockShifts
      .filter(({ spans }) => spans >= leastShifted)
      .slice(0, mostOfAKind)
      .map((one) => ({ ...one })),
    leftOut,
  };
}

/** What explains the change from the baseline to the fault; nothing where the run came to one of them only. */
export function traceBlame(traces: PreparedTraces): TraceBlame | undefined {
  const [before, during] = [traces.inPhase("baseline"), traces.inPhase("fault")];
  if (before.length === 0 || during.length === 0) return undefined;
  const { traces: compared, meanMs, blamed, begun, untested, growth } = blame(before, during);
  return {
    traces: { ...compared },
    meanMs: { ...meanMs },
    blamed: blamed.map(({ place, kind, time, errors, traceIds }) => ({
      place,
      kind,
      ...(time && { time: { ...time, traces: { ...time.traces } } }),
      ...(errors && { errors: { ...errors, baseline: { ...errors.baseline }, fault: { ...errors.fault } } }),
      traceIds: [...traceIds],
    })),
    begun: begun.slice(0, mostOfAKind).map((one) => ({ place: one.place, traces: one.traces })),
    untested: [...untested],
    growth,
  };
}
