import { formatEdge } from "../base/edge.ts";
import { isEdgeFault } from "../experiment/fault.ts";
import type { OperationLine } from "../record/history.ts";
import type { FaultSummary, Objective, TraceSummary } from "../record/summary.ts";
import { edgeOf, type EdgeByPort } from "../traces/edges.ts";
import type { Trace } from "../traces/trace.ts";
import { waterfallOf } from "../traces/waterfall.ts";
import type { Evidence } from "./evidence.ts";

/** Traces shown in a report: as many as fit beside everything else in 2 MB. */
const shown = 20;
const slowestPerJourney = 2;
const affectedPerFault = 2;

/**
 * The traces a reader should see: those that show why an objective is as it is, those of the first calls that a fault
 * acted on, then, of the fault phase, one that crossed each broken edge, one of each kind of error and the slowest of
 * each journey.
 */
export function worstTraces(
  evidence: Evidence,
  traces: ReadonlyMap<string, Trace>,
  objectives: readonly Objective[],
  faults: readonly FaultSummary[],
): TraceSummary[] {
  const { timeline, zeroMs, operations, edgeByPort } = evidence;
  const window = timeline.find(({ phase }) => phase === "fault");
  const inFault = operations.filter(
    ({ intendedMs }) =>
      window !== undefined && intendedMs - zeroMs >= window.startMs && intendedMs - zeroMs < window.endMs,
  );
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
  const failed = inFault.filter(({ completion }) => completion !== "ok");
  for (const [kind, ofKind] of Map.groupBy(
    failed,
    ({ error, step }) => `${error?.kind ?? "error"} at ${step}`,
  ))
    pick(ofKind[0]?.traceId, `${kind}, one of ${ofKind.length}`);
  for (const [journey, ofJourney] of Map.groupBy(inFault, (line) => line.journey))
    for (const line of slowestOf(ofJourney))
      pick(line.traceId, `among the slowest of ${journey} in the fault phase`);

  return [...picked].slice(0, shown).flatMap(([traceId, why]) => {
    const trace = traces.get(traceId);
    const line = byTrace.get(traceId);
    return trace === undefined || line === undefined
      ? []
      : [
          {
            traceId,
            journey: line.journey,
            step: line.step,
            completion: line.completion,
            ...(line.status === undefined ? {} : { status: line.status }),
            ...(line.error === undefined ? {} : { error: line.error }),
            startMs: line.intendedMs - zeroMs,
            durationMs: line.endedMs - line.intendedMs,
            why,
            isComplete: trace.isComplete,
            spans: waterfallOf(trace, edgeByPort),
          },
        ];
  });
}

function crosses(trace: Trace | undefined, edge: string, edgeByPort: EdgeByPort): boolean {
  return trace?.spans.some((span) => edgeOf(span, edgeByPort) === edge) ?? false;
}

function slowestOf(lines: readonly OperationLine[]): readonly OperationLine[] {
  return [...lines]
    .sort((a, b) => b.endedMs - b.intendedMs - (a.endedMs - a.intendedMs))
    .slice(0, slowestPerJourney);
}
