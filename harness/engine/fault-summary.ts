import { formatEdge, parseEdge } from "../base/edge.ts";
import { isCallFault, isEdgeFault, partOf, type EdgeFault, type Fault } from "../experiment/fault.ts";
import { describeFault } from "../faults/fault.ts";
import type { AffectedCallLine } from "../record/fault-log.ts";
import type { JournalLine, ProcessEvidence } from "../record/journal.ts";
import type { Summary } from "../record/summary.ts";
import { figuresOf, type EdgeCall, type Window } from "../traces/edge-figures.ts";
import { callsBetween } from "./edge-figures.ts";
import type { Evidence } from "./evidence.ts";
import { planFaults } from "./fault-plan.ts";
import { shownBy, type FaultSigns, type Shown } from "./shown-by.ts";

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
  | "traces"
  | "edgeByPort"
  | "zeroMs"
  | "timeline"
  | "endedAtMs"
>;

/** What each planned fault did, by the journal, the fault log and the traces. */
export function faultSummaries(evidence: FaultsEvidence): Summary["faults"] {
  const { journal, record, experiment, zeroMs } = evidence;
  return planFaults(record.run, experiment.faults).map(({ id, fault }) => {
    const injected = journal.find((line) => line.event === "fault-injected" && line.fault === id);
    const undone = journal.find((line) => line.event === "fault-undone" && line.fault === id);
    const failed = journal.findLast((line) => line.event === "undo-failed" && line.fault === id);
    const {
      matched,
      drawn,
      affected,
      unreadableConnections,
      endedBytes,
      lostBytes,
      evidence: felt,
    } = undone?.event === "fault-undone" ? undone : {};
    const calls = affectedCalls(evidence, id);
    const edge = isEdgeFault(fault) ? formatEdge(fault.edge) : undefined;
    const window = injected && { startMs: injected.atMs, endMs: undone?.atMs ?? evidence.endedAtMs };
    const during = window === undefined ? [] : callsOver(evidence, fault, window);
    const { calls: crossed, errors: failedCalls } = figuresOf(during);
    const shown =
      injected && isEdgeFault(fault)
        ? shownWhereUncounted(evidence, fault, { during, endedBytes, lostBytes })
        : undefined;
    return {
      id,
      kind: fault.kind,
      ...(isEdgeFault(fault) ? { edge } : { process: partOf(fault) }),
      title: titleOf(fault, injected),
      ...(injected ? { injectedMs: injected.atMs - zeroMs } : {}),
      ...(undone?.event === "fault-undone"
        ? { undoneMs: undone.atMs - zeroMs, undoneBy: undone.by, undoDurationMs: undone.durationMs }
        : {}),
      actsOn: actsOn(fault),
      ...(matched ? { matched } : {}),
      ...(drawn ? { drawn } : {}),
      ...(affected ? { affected } : {}),
      ...(unreadableConnections === undefined ? {} : { unreadableConnections }),
      ...(endedBytes === undefined ? {} : { endedBytes }),
      ...(lostBytes === undefined ? {} : { lostBytes }),
      ...(shown && { shownBy: shown.shownBy }),
      affectedCalls: calls.slice(0, shownCalls).map(({ atMs, request, call, traceId, effect }) => ({
        atMs: atMs - zeroMs,
        request,
        call,
        ...(traceId === undefined ? {} : { traceId }),
        effect,
      })),
      ...(felt === undefined ? {} : { evidence: felt.detail }),
      calls: crossed,
      failedCalls,
      bit:
        shown?.bit ??
        hasBitten(fault, {
          requests: affected?.requests ?? calls.length,
          connections: affected?.connections ?? 0,
          failedCalls,
          isInjected: injected !== undefined,
          evidence: felt,
        }),
      ...(failed?.event === "undo-failed" && !undone ? { undoError: failed.message } : {}),
    };
  });
}

/** A runtime says how it does what was asked for. */
function titleOf(fault: Fault, injected: JournalLine | undefined): string {
  return !isEdgeFault(fault) && injected?.event === "fault-injected" ? injected.detail : describeFault(fault);
}

/** Of the edge that is broken; of every edge to a process that is. */
function callsOver(evidence: FaultsEvidence, fault: Fault, window: Window): readonly EdgeCall[] {
  const calls = callsBetween(evidence, window);
  if (isEdgeFault(fault)) return calls.get(formatEdge(fault.edge)) ?? [];
  return [...calls].flatMap(([edge, one]) => (parseEdge(edge)?.callee === partOf(fault) ? one : []));
}

function actsOn(fault: Fault): Summary["faults"][number]["actsOn"] {
  if (!isEdgeFault(fault)) return "process";
  return isCallFault(fault) ? "calls" : "connections";
}

interface Felt {
  readonly requests: number;
  readonly connections: number;
  readonly failedCalls: number;
  readonly isInjected: boolean;
  readonly evidence: ProcessEvidence | undefined;
}

function hasBitten(
  fault: Fault,
  { requests, connections, failedCalls, isInjected, evidence }: Felt,
): boolean {
  // It is on record as injected only when it was in effect; the runtime knows whether the process came to feel it.
  if (!isEdgeFault(fault)) return evidence?.bit ?? isInjected;
  // A failed call on the edge says nothing of a fault that takes calls one by one: that one has to name its own.
  return isCallFault(fault) ? requests > 0 : connections > 0 || failedCalls > 0;
}

/** @returns undefined where the proxy did count */
function shownWhereUncounted(
  evidence: FaultsEvidence,
  fault: EdgeFault,
  signs: Pick<FaultSigns, "during" | "endedBytes" | "lostBytes">,
): Shown | undefined {
  const { proxy } = evidence.record.fleet;
  if (proxy?.counts !== false) return undefined;
  const baseline = evidence.timeline.find(({ phase }) => phase === "baseline");
  const before =
    baseline === undefined
      ? []
      : callsOver(evidence, fault, {
          startMs: evidence.zeroMs + baseline.startMs,
          endMs: evidence.zeroMs + baseline.endMs,
        });
  return shownBy(fault, { proxy: proxy.name, before, ...signs });
}

function affectedCalls({ faultLog }: FaultsEvidence, id: string): readonly AffectedCallLine[] {
  return faultLog.filter(
    (line): line is AffectedCallLine => line.event === "call-affected" && line.fault === id,
  );
}
