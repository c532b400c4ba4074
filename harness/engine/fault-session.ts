import { basename } from "node:path";
import { systemClock, type Clock } from "../base/clock.ts";
import { formatEdge } from "../base/edge.ts";
import { UndoStack, type UndoFailure } from "../base/undo-stack.ts";
import type { Fault } from "../experiment/experiment.ts";
import { namedBefore } from "../experiment/fault.ts";
import { describeFault, injectFault } from "../faults/fault.ts";
import { placeOnProxy, proxyNameOf } from "../faults/fault-kind.ts";
import type { FaultEvidence, ProxyApi } from "../faults/proxy-api.ts";
import type { JournalEvent, Touched } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Heartbeat } from "./heartbeat.ts";

type UndoneBy = Extract<JournalEvent, { readonly event: "fault-undone" }>["by"];

/** A fault that a run puts in place: `f1`, `f2`, … in the experiment's order. */
export interface PlannedFault {
  /** Also the name of its toxic: the proxy's draws depend on that, so it is the same in every run. */
  readonly id: string;
  readonly fault: Fault;
  readonly lease: string;
  /** Where it is found on the proxy's API: "order->payment/f1". */
  readonly place: string;
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
  readonly planned: readonly PlannedFault[];
  /** Titles of what is in place now. */
  readonly active: readonly string[];
  /** Ids of what was put in place, whether or not it still is. */
  readonly injected: readonly string[];
  /** @throws {SQUALL_PROXY} when a fault is refused; what was already in place stays pending for `undoAll` */
  injectAll(): Promise<void>;
  undoAll(by: UndoneBy): Promise<readonly UndoFailure[]>;
}

/** Ids and leases of an experiment's faults; a lease is named after the run, so that two runs never share one. */
export function planFaults(run: string, faults: readonly Fault[]): readonly PlannedFault[] {
  return faults.map((fault, index) => {
    const id = `f${index + 1}`;
    return { id, fault, lease: `${run}-${id}`, place: placeOnProxy(fault, id) };
  });
}

/** Each fault after the one that it waits for: before that one is there, the proxy knows only its namesake of old. */
function inOrderOfWaiting(planned: readonly PlannedFault[]): readonly PlannedFault[] {
  const ordered = new Set<PlannedFault>();
  const add = (one: PlannedFault): void => {
    const before = namedBefore(one.fault);
    for (const other of planned)
      if (before !== undefined && other.fault.name === before && !ordered.has(other)) add(other);
    ordered.add(one);
  };
  planned.forEach(add);
  return [...ordered];
}

export function openFaultSession(options: FaultSessionOptions): FaultSession {
  const { proxy, heartbeat, write } = options;
  const clock = options.clock ?? systemClock;
  const planned = planFaults(basename(options.folder.path), options.faults);
  const undos = new UndoStack(clock);
  const injected: string[] = [];
  let undoneBy: UndoneBy = "plan";

  return {
    planned,
    get active() {
      return planned.filter(({ id }) => undos.pending.includes(id)).map(({ fault }) => describeFault(fault));
    },
    injected,
    async injectAll() {
      for (const { id, fault, lease } of inOrderOfWaiting(planned)) {
        await heartbeat.hold(lease);
        write({ event: "undo-planned", fault: id, undo: { kind: "end-lease", proxyApi: proxy.url, lease } });
        undos.push(id, () => undo(id, lease));
        await injectFault(fault, { api: proxy, proxy: proxyNameOf(fault.edge), toxic: id, lease, placeOf });
        injected.push(id);
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
    const { hasExpired, touched } = await countedFor(lease);
    const by = hasExpired ? "lease" : undoneBy;
    write({ event: "fault-undone", fault: id, by, durationMs, ...touched });
  }

  function placeOf(name: string): string {
    const named = planned.find(({ fault }) => fault.name === name);
    if (named === undefined) throw new Error(`no fault is called ${name}, which the schema requires`);
    return named.place;
  }

  /**
   * What the proxy counted for an ended lease, and whether that had expired before it was ended. Without an answer the
   * fault is undone all the same, only uncounted: then traces and fault log alone can show that it was felt.
   */
  async function countedFor(
    lease: string,
  ): Promise<{ readonly hasExpired: boolean; readonly touched: Touched }> {
    let faults: readonly FaultEvidence[];
    try {
      faults = (await proxy.evidence()).faults.filter((fault) => fault.lease === lease);
    } catch {
      return { hasExpired: false, touched: {} };
    }
    const sum = (of: (fault: FaultEvidence) => number): number =>
      faults.reduce((total, fault) => total + of(fault), 0);
    const count = (of: "matched" | "drawn" | "affected") => ({
      requests: sum((fault) => fault[of].requests),
      connections: sum((fault) => fault[of].connections),
    });
    return {
      hasExpired: faults.some(({ ended_by }) => ended_by === "lease-expired"),
      touched: {
        matched: count("matched"),
        drawn: count("drawn"),
        affected: { ...count("affected"), bytes: sum(({ affected }) => affected.bytes) },
        unreadableConnections: sum(({ unreadable_connections }) => unreadable_connections),
      },
    };
  }
}
