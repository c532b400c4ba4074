import { formatEdge } from "../base/edge.ts";
import { isEdgeFault } from "../experiment/fault.ts";
import type { OperationLine } from "../record/history.ts";
import type { FaultSummary, Objective, TraceSummary } from "../record/summary.ts";
import type { TraceBlame, TraceComparison, TraceFindings } from "../record/trace-findings.ts";
import { completenessOf, whyIncomplete, type CompletenessOptions } from "../traces/completeness.ts";
import { edgeOf, type EdgeByPort } from "../traces/edges.ts";
import { hasFailed } from "../traces/has-failed.ts";
import { operationOf } from "../traces/prepared-trace.ts";
import type { Trace } from "../traces/trace.ts";
import { waterfallOf } from "../traces/waterfall.ts";
import { operationsIn, type Evidence } from "./evidence.ts";
import type { PreparedTraces } from "./prepared-traces.ts";

/** Traces shown in a report: as many as fit beside everything else in 2 MB. */
const shown = 40;
const slowestPerJourney = 2;
const affectedPerFault = 2;
/** The others of a kind are named by their id. */
const drawnOfAKind = 3;

/** What a report says that has a trace to show it. */
export interface Cited {
  readonly objectives: readonly Objective[];
  readonly faults: readonly FaultSummary[];
  readonly blame: TraceBlame | undefined;
  readonly comparisons: readonly TraceComparison[];
  readonly findings: TraceFindings | undefined;
}

/**
 * The traces a reader should see, with clocks aligned: those that show why an objective is as it is, those of the first
 * calls that a fault acted on, one that crossed each broken edge, those that show who is to blame, those of comparisons and
 * of findings, then, of the fault phase, one of each kind of error and the slowest of each journey.
 */
export function worstTraces(evidence: Evidence, prepared: PreparedTraces, cited: Cited): TraceSummary[] {
  const { zeroMs, operations, edgeByPort, traces } = evidence;
  const { objectives, faults, blame, comparisons, findings } = cited;
  const inFault = operationsIn(evidence, "fault");
  const byTrace = new Map(
    operations.flatMap((line) => (line.traceId === undefined ? [] : [[line.traceId, line]])),
  );
  const picked = new Map<string, string>();
  const pick = (traceId: string | undefined, why: string): void => {
    if (traceId !== undefined && traces.has(traceId) && !picked.has(traceId)) picked.set(traceId, why);
  };

  for (const { title, traceIds } of objectives)
    for (const traceId of traceIds) pick(traceId, `shows: ${title}`);
  for (const { affectedCalls, edge } of faults)
    for (const { traceId, call, effect } of affectedCalls
      .filter(({ traceId }) => traceId !== undefined && traces.has(traceId))
      .slice(0, affectedPerFault))
      pick(traceId, `its ${call} was affected on ${edge}: ${effect}`);
  const broken = new Set(evidence.experiment.faults.filter(isEdgeFault).map(({ edge }) => formatEdge(edge)));
  for (const edge of broken) {
    const crossing = inFault.filter(({ traceId }) => crosses(traces.get(traceId ?? ""), edge, edgeByPort));
    pick(slowestOf(crossing)[0]?.traceId, `the slowest that crossed ${edge} while it was broken`);
  }
  for (const { place, traceIds } of blame?.blamed ?? []) pick(traceIds[0], `shows what changed at ${place}`);
  for (const { journey, step, before, during } of comparisons) {
    pick(during.traceId, `the worst ${journey}: ${step} of the fault phase`);
    pick(before.traceId, `the median ${journey}: ${step} of the baseline`);
  }
  for (const { traceId, why } of findings === undefined ? [] : tracesOfFindings(findings)) pick(traceId, why);
  const failed = inFault.filter(({ completion }) => completion !== "ok");
  for (const [kind, ofKind] of Map.groupBy(
    failed,
    ({ error, step }) => `${error?.kind ?? "error"} at ${step}`,
  ))
    pick(ofKind[0]?.traceId, `${kind}, one of ${ofKind.length}`);
  for (const [journey, ofJourney] of Map.groupBy(inFault, (line) => line.journey))
    for (const line of slowestOf(ofJourney))
      pick(line.traceId, `among the slowest of ${journey} in the fault phase`);

  const options = { entry: evidence.target.entry, unsent: evidence.unsent, ports: edgeByPort };
  return [...picked].slice(0, shown).flatMap(([traceId, why]) => {
    const one = prepared.byId.get(traceId);
    return one === undefined ? [] : [traceSummary(one.trace, byTrace.get(traceId), why, zeroMs, options)];
  });
}

/** One trace a finding: of each kind the first before the second of any. */
function tracesOfFindings(
  findings: TraceFindings,
): readonly { readonly traceId: string; readonly why: string }[] {
  const { undeclared, swallowedErrors, timeoutInversions, retries, nPlusOne, fallbacks, sequentialCalls } =
    findings;
  const lists = [
    undeclared.map(({ edge, traceId }) => ({
      traceId,
      why: `it called over ${edge}, which is not declared`,
    })),
    swallowedErrors
      .filter(({ dealtWith }) => dealtWith === "none")
      .map(({ failed, traceId }) => ({ traceId, why: `${failed} failed in it, and it succeeded` })),
    timeoutInversions.map(({ edge, traceId }) => ({ traceId, why: `on ${edge} the caller gave up first` })),
    retries.map(({ edge, traceId }) => ({ traceId, why: `retries on ${edge} were worst in it` })),
    nPlusOne.map(({ edge, traceId }) => ({ traceId, why: `it asked ${edge} again and again` })),
    fallbacks.map(({ fallback, traceId }) => ({ traceId, why: `a fallback was served in it: ${fallback}` })),
    swallowedErrors
      .filter(({ dealtWith }) => dealtWith !== "none")
      .map(({ failed, traceId }) => ({ traceId, why: `${failed} failed in it, and was dealt with` })),
    sequentialCalls.map(({ operation, traceId }) => ({
      traceId,
      why: `${operation} makes calls one after the other`,
    })),
  ];
  return Array.from({ length: drawnOfAKind }, (_, rank) => lists.flatMap((list) => list[rank] ?? [])).flat();
}

function traceSummary(
  trace: Trace,
  line: OperationLine | undefined,
  why: string,
  zeroMs: number,
  { ports, ...options }: CompletenessOptions & { readonly ports: EdgeByPort },
): TraceSummary {
  const completeness = completenessOf(trace, { ...options, ports });
  return {
    traceId: trace.traceId,
    ...(line === undefined ? ofSystem(trace, zeroMs) : ofClient(line, zeroMs)),
    why,
    isComplete: completeness.kind === "complete",
    ...(completeness.kind === "incomplete" && { whyIncomplete: whyIncomplete(completeness.reasons) }),
    spans: waterfallOf(trace, ports),
  };
}

type Seen = Pick<
  TraceSummary,
  "journey" | "step" | "completion" | "status" | "error" | "startMs" | "durationMs"
>;

/** As the client saw it. */
function ofClient(
  { journey, step, completion, status, error, intendedMs, endedMs }: OperationLine,
  zeroMs: number,
): Seen {
  return {
    journey,
    step,
    completion,
    ...(status === undefined ? {} : { status }),
    ...(error === undefined ? {} : { error }),
    startMs: intendedMs - zeroMs,
    durationMs: endedMs - intendedMs,
  };
}

/** By its own root, where no client asked: work that was done later. */
function ofSystem({ nodes }: Trace, zeroMs: number): Seen {
  const root = nodes[0];
  if (root === undefined) return { step: "", completion: "unknown", startMs: 0, durationMs: 0 };
  const { startMs, endMs } = root.span;
  return {
    step: operationOf(root.span),
    completion: hasFailed(root) ? "fail" : "ok",
    startMs: startMs - zeroMs,
    durationMs: endMs - startMs,
  };
}

function crosses(trace: Trace | undefined, edge: string, edgeByPort: EdgeByPort): boolean {
  return trace?.spans.some((span) => edgeOf(span, edgeByPort) === edge) ?? false;
}

function slowestOf(lines: readonly OperationLine[]): readonly OperationLine[] {
  return [...lines]
    .sort((a, b) => b.endedMs - b.intendedMs - (a.endedMs - a.intendedMs))
    .slice(0, slowestPerJourney);
}
