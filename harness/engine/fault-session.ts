import { basename } from "node:path";
import { systemClock, type Clock } from "../base/clock.ts";
import { formatEdge } from "../base/edge.ts";
import { UndoStack, type UndoFailure } from "../base/undo-stack.ts";
import type { Fault } from "../experiment/experiment.ts";
import { describeFault, injectFault } from "../faults/fault.ts";
import { proxyNameOf } from "../faults/fault-kind.ts";
import type { ProxyApi, ProxyEvidence } from "../faults/proxy-api.ts";
import type { Affected, JournalEvent } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Heartbeat } from "./heartbeat.ts";

type UndoneBy = Extract<JournalEvent, { readonly event: "fault-undone" }>["by"];

/** A fault that a run puts in place: `f1`, `f2`, … in the experiment's order. */
export interface PlannedFault {
  readonly id: string;
  readonly fault: Fault;
  readonly lease: string;
}

export interface FaultSessionOptions {
  readonly folder: RunFolder;
  readonly faults: readonly Fault[];
  readonly proxy: ProxyApi;
  readonly heartbeat: Heartbeat;
  readonly write: (event: JournalEvent) => void;
  readonly clock?: Clock;
}

/** Deadline for each undo; the proxy's own lease ends the fault when this one fails. */
const undoWithinMs = 3_000;

/**
 * The faults of one run: each undo is in the journal before its fault is on the wire, and all are undone at once,
 * whoever asks and however often.
 */
export interface FaultSession {
  /** Titles of what is in place now. */
  readonly active: readonly string[];
  /** @throws {SQUALL_PROXY} when a fault is refused; what was already in place stays pending for `undoAll` */
  injectAll(): Promise<void>;
  undoAll(by: UndoneBy): Promise<readonly UndoFailure[]>;
}

/** Ids and leases of an experiment's faults; a lease is named after the run, so that two runs never share one. */
export function planFaults(run: string, faults: readonly Fault[]): readonly PlannedFault[] {
  return faults.map((fault, index) => ({ id: `f${index + 1}`, fault, lease: `${run}-f${index + 1}` }));
}

export function openFaultSession(options: FaultSessionOptions): FaultSession {
  const { proxy, heartbeat, write } = options;
  const clock = options.clock ?? systemClock;
  const planned = planFaults(basename(options.folder.path), options.faults);
  const undos = new UndoStack(clock);
  let undoneBy: UndoneBy = "plan";

  return {
    get active() {
      return planned.filter(({ id }) => undos.pending.includes(id)).map(({ fault }) => describeFault(fault));
    },
    async injectAll() {
      for (const { id, fault, lease } of planned) {
        await heartbeat.hold(lease);
        write({ event: "undo-planned", fault: id, undo: { kind: "end-lease", proxyApi: proxy.url, lease } });
        undos.push(id, () => undo(id, lease));
        await injectFault(fault, { api: proxy, proxy: proxyNameOf(fault.edge), lease });
        write({
          event: "fault-injected",
          fault: id,
          faultKind: fault.kind,
          edge: formatEdge(fault.edge),
          detail: describeFault(fault),
        });
      }
    },
    async undoAll(by) {
      undoneBy = by;
      const failures = await undos.undoAll(undoWithinMs);
      for (const { what, message } of failures) write({ event: "undo-failed", fault: what, message });
      return failures;
    },
  };

  async function undo(id: string, lease: string): Promise<void> {
    const startedMs = clock.nowMs();
    heartbeat.release(lease);
    await proxy.endLease(lease);
    const durationMs = clock.nowMs() - startedMs;
    const counted = await countedFor(lease);
    const by = counted?.hasExpired === true ? "lease" : undoneBy;
    write({
      event: "fault-undone",
      fault: id,
      by,
      durationMs,
      ...(counted ? { affected: counted.affected } : {}),
    });
  }

  /**
   * What the proxy counted for an ended lease, and whether that had expired before it was ended. Without an answer the
   * fault is undone all the same, only uncounted: then the traces alone can show that it was felt.
   */
  async function countedFor(
    lease: string,
  ): Promise<{ readonly affected: Affected; readonly hasExpired: boolean } | undefined> {
    let evidence: ProxyEvidence;
    try {
      evidence = await proxy.evidence();
    } catch {
      return undefined;
    }
    const faults = evidence.faults.filter((fault) => fault.lease === lease);
    return {
      hasExpired: faults.some(({ ended_by }) => ended_by === "lease-expired"),
      affected: {
        connections: faults.reduce((sum, { affected }) => sum + affected.connections, 0),
        bytes: faults.reduce((sum, { affected }) => sum + affected.bytes, 0),
      },
    };
  }
}
