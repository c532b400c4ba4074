import { basename } from "node:path";
import { doOrAbandon } from "../base/abort.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { formatEdge } from "../base/edge.ts";
import { UndoStack, type UndoFailure } from "../base/undo-stack.ts";
import type { Fault } from "../experiment/experiment.ts";
import { isEdgeFault, nameOfFault } from "../experiment/fault.ts";
import { describeFault, injectFault } from "../faults/fault.ts";
import { proxyNameOf } from "../faults/fault-kind.ts";
import type { FaultEvidence, ProxyApi } from "../faults/proxy-api.ts";
import type { JournalEvent, Touched } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import { changeOf } from "../runtimes/process-change.ts";
import { inOrderOfWaiting, planFaults, type PlannedFault } from "./fault-plan.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { takenBackWithinMs, type Processes } from "./processes.ts";
import { takeBack } from "./take-back.ts";
import type { Watchdog } from "./watchdog.ts";

type UndoneBy = Extract<JournalEvent, { readonly event: "fault-undone" }>["by"];

export interface FaultSessionOptions {
  readonly folder: RunFolder;
  readonly faults: readonly Fault[];
  readonly proxy: ProxyApi;
  readonly heartbeat: Heartbeat;
  /** For faults of processes. */
  readonly processes?: Processes | undefined;
  /** Takes back what this run does to processes, where the run cannot. */
  readonly watchdog?: Pick<Watchdog, "idle"> | undefined;
  readonly write: (event: JournalEvent) => void;
  readonly clock?: Clock;
}

/** Deadline for each undo of a fault of an edge; the proxy's own lease ends it when this one fails. */
const undoWithinMs = 3_000;
/** A change that is not in effect by then is refused; one that does not heed the end of the run is left to its undo. */
const making = { withinMs: 30_000, graceMs: 1_000 } as const;

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
  /**
   * Puts each fault in place at its time, and undoes each that has an end of its own at that. When this has settled
   * nothing is being put in place any more; what has no end of its own stays pending for `undoAll`.
   * @param startMs the beginning of the fault phase, epoch milliseconds
   * @throws {SQUALL_PROXY} when a fault is refused; what was already in place stays pending
   * @throws the reason of `halt` when it aborts first
   */
  play(startMs: number, halt: AbortSignal): Promise<void>;
  undoAll(by: UndoneBy): Promise<readonly UndoFailure[]>;
}

export function openFaultSession(options: FaultSessionOptions): FaultSession {
  const { proxy, heartbeat, processes, watchdog, write } = options;
  const clock = options.clock ?? systemClock;
  const planned = planFaults(basename(options.folder.path), options.faults);
  const undos = new UndoStack(clock);
  const undoing = new Map<string, Promise<readonly UndoFailure[]>>();
  const injected: string[] = [];
  let undoneBy: UndoneBy = "plan";

  return {
    planned,
    get active() {
      return planned.filter(({ id }) => undos.pending.includes(id)).map(({ fault }) => describeFault(fault));
    },
    injected,
    async play(startMs, halt) {
      const refused = new AbortController();
      const over = AbortSignal.any([halt, refused.signal]);
      const groups = Map.groupBy(planned, ({ fault }) => fault.atMs ?? 0);
      const played = [...groups].map(([atMs, group]) =>
        playTogether(inOrderOfWaiting(group), startMs + atMs, over).catch((error: unknown) =>
          refused.abort(error),
        ),
      );
      await Promise.all(played);
      over.throwIfAborted();
    },
    async undoAll(by) {
      undoneBy = by;
      return (await Promise.all(undos.pending.map(undo))).flat();
    },
  };

  /** Faults that begin at the same moment, in the order given. */
  async function playTogether(
    group: readonly PlannedFault[],
    beginMs: number,
    over: AbortSignal,
  ): Promise<void> {
    await clock.sleep(beginMs - clock.nowMs(), over);
    for (const one of group) {
      over.throwIfAborted();
      await inject(one, over);
    }
    const lasting = group.map(async ({ id, fault: { forMs } }) => {
      if (forMs === undefined) return;
      await clock.sleep(beginMs + forMs - clock.nowMs(), over);
      await undo(id);
    });
    await Promise.all(lasting);
  }

  async function inject({ id, fault, lease }: PlannedFault, over: AbortSignal): Promise<void> {
    if (isEdgeFault(fault)) {
      await heartbeat.hold(lease);
      write({ event: "undo-planned", fault: id, undo: { kind: "end-lease", proxyApi: proxy.url, lease } });
      undos.push(id, () => endLease(id, lease));
      await injectFault(fault, { api: proxy, proxy: proxyNameOf(fault.edge), toxic: id, lease, placeOf });
    } else {
      if (processes === undefined) throw new Error("nothing is there that changes processes");
      const { runtime, target } = processes;
      const { process } = fault;
      const kill = changeOf(runtime, "kill");
      await watchdog?.idle();
      over.throwIfAborted();
      const before = await kill.before(target, process, {});
      const undo = { kind: "process-change", change: "kill", process, before } as const;
      write({ event: "undo-planned", fault: id, undo });
      undos.push(id, (signal) => undoChange(id, () => takeBack(undo, processes, signal)));
      await doOrAbandon((signal) => kill.make(target, process, {}, signal), { halt: over, ...making });
    }
    injected.push(id);
    write({
      event: "fault-injected",
      fault: id,
      faultKind: fault.kind,
      ...(isEdgeFault(fault) ? { edge: formatEdge(fault.edge) } : { process: fault.process }),
      detail: describeFault(fault),
    });
  }

  /** Whoever asks while it is being undone waits for the same undo. */
  function undo(id: string): Promise<readonly UndoFailure[]> {
    const running = undoing.get(id);
    if (running !== undefined) return running;
    const isKill = planned.some((one) => one.id === id && one.fault.kind === "kill");
    const run = undos
      .undo(id, isKill ? takenBackWithinMs : undoWithinMs)
      .then((failures) => {
        for (const { what, message } of failures) write({ event: "undo-failed", fault: what, message });
        return failures;
      })
      .finally(() => undoing.delete(id));
    undoing.set(id, run);
    return run;
  }

  async function undoChange(id: string, takeBack: () => Promise<unknown>): Promise<void> {
    const startedMs = clock.nowMs();
    await watchdog?.idle();
    await takeBack();
    write({ event: "fault-undone", fault: id, by: undoneBy, durationMs: clock.nowMs() - startedMs });
  }

  async function endLease(id: string, lease: string): Promise<void> {
    const startedMs = clock.nowMs();
    heartbeat.release(lease);
    await proxy.endLease(lease);
    const durationMs = clock.nowMs() - startedMs;
    const { hasExpired, touched } = await countedFor(lease);
    const by = hasExpired ? "lease" : undoneBy;
    write({ event: "fault-undone", fault: id, by, durationMs, ...touched });
  }

  function placeOf(name: string): string {
    const named = planned.find(({ fault }) => nameOfFault(fault) === name);
    if (named?.place === undefined) throw new Error(`no fault is called ${name}, which the schema requires`);
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
