import { formatEdge } from "../base/edge.ts";
import { isCallFault } from "../experiment/fault.ts";
import { describeFault } from "../faults/fault.ts";
import type { AffectedCallLine } from "../record/fault-log.ts";
import type { Summary } from "../record/summary.ts";
import { figuresBetween } from "./edge-figures.ts";
import type { Evidence } from "./evidence.ts";
import { planFaults } from "./fault-session.ts";

/** Affected calls of each fault that a report shows: the fault log has them all. */
const shownCalls = 10;

/** What of a run tells of its faults. */
export type FaultsEvidence = Pick<
  Evidence,
  | "record"
  | "experiment"
  | "target"
  | "journal"
  | "faultLog"
  | "operations"
  | "spans"
  | "edgeByPort"
  | "zeroMs"
  | "endedAtMs"
>;

/** What each planned fault did, by the journal, the fault log and the traces. */
export function faultSummaries(evidence: FaultsEvidence): Summary["faults"] {
  const { journal, record, experiment, zeroMs } = evidence;
  return planFaults(record.run, experiment.faults).map(({ id, fault }) => {
    const injected = journal.find((line) => line.event === "fault-injected" && line.fault === id);
    const undone = journal.find((line) => line.event === "fault-undone" && line.fault === id);
    const failed = journal.findLast((line) => line.event === "undo-failed" && line.fault === id);
    const { matched, drawn, affected, unreadableConnections } =
      undone?.event === "fault-undone" ? undone : {};
    const calls = affectedCalls(evidence, id);
    const edge = formatEdge(fault.edge);
    const figures = injected
      ? figuresBetween(evidence, { startMs: injected.atMs, endMs: undone?.atMs ?? evidence.endedAtMs }).get(
          edge,
        )
      : undefined;
    const failedCalls = figures?.errors ?? 0;
    return {
      id,
      kind: fault.kind,
      edge,
      title: describeFault(fault),
      ...(injected ? { injectedMs: injected.atMs - zeroMs } : {}),
      ...(undone?.event === "fault-undone"
        ? { undoneMs: undone.atMs - zeroMs, undoneBy: undone.by, undoDurationMs: undone.durationMs }
        : {}),
      actsOn: isCallFault(fault) ? "calls" : "connections",
      ...(matched ? { matched } : {}),
      ...(drawn ? { drawn } : {}),
      ...(affected ? { affected } : {}),
      ...(unreadableConnections === undefined ? {} : { unreadableConnections }),
      affectedCalls: calls.slice(0, shownCalls).map(({ atMs, request, call, traceId, effect }) => ({
        atMs: atMs - zeroMs,
        request,
        call,
        ...(traceId === undefined ? {} : { traceId }),
        effect,
      })),
      calls: figures?.calls ?? 0,
      failedCalls,
      // A failed call on the edge says nothing of a fault that takes calls one by one: that one has to name its own.
      bit: isCallFault(fault)
        ? (affected?.requests ?? calls.length) > 0
        : (affected?.connections ?? 0) > 0 || failedCalls > 0,
      ...(failed?.event === "undo-failed" && !undone ? { undoError: failed.message } : {}),
    };
  });
}

function affectedCalls({ faultLog }: FaultsEvidence, id: string): readonly AffectedCallLine[] {
  return faultLog.filter(
    (line): line is AffectedCallLine => line.event === "call-affected" && line.fault === id,
  );
}
