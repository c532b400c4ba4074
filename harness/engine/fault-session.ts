import { basename } from "node:path";
import { doOrAbandon } from "../base/abort.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { formatEdge } from "../base/edge.ts";
import { UndoStack, type UndoFailure } from "../base/undo-stack.ts";
import type { Fault } from "../experiment/experiment.ts";
import { isEdgeFault, isProcessFault, nameOfFault, partOf } from "../experiment/fault.ts";
import { describeFault } from "../faults/fault.ts";
import type { ProxyApi } from "../faults/proxy-api.ts";
import type { JournalEvent } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import { canScale } from "../runtimes/runtime.ts";
import { edgeInjection } from "./edge-injection.ts";
import { inOrderOfWaiting, planFaults, type PlannedFault } from "./fault-plan.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Injection } from "./injection.ts";
import { processInjection } from "./process-injection.ts";
import type { Processes } from "./processes.ts";
import { replicasInjection } from "./replicas-injection.ts";
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

/** One that is not in place by then is refused; one that does not heed the end of the run is left to its undo. */
const beginning = { withinMs: 30_000, graceMs: 1_000 } as const;

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
  const injections = new Map<string, Injection>();
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
      if (injections.get(id)?.isMomentary !== true) {
        if (forMs === undefined) return;
        await clock.sleep(beginMs + forMs - clock.nowMs(), over);
      }
      await undo(id);
    });
    await Promise.all(lasting);
  }

  async function inject(one: PlannedFault, over: AbortSignal): Promise<void> {
    const { id, fault } = one;
    if (!isEdgeFault(fault)) {
      await untilWhole(partOf(fault));
      await watchdog?.idle();
    }
    over.throwIfAborted();
    const injection = await prepare(one);
    write({ event: "undo-planned", fault: id, undo: injection.undo });
    injections.set(id, injection);
    undos.push(id, (signal) => end(id, injection, signal));
    const how = await doOrAbandon((signal) => injection.begin(signal), { halt: over, ...beginning });
    injected.push(id);
    write({
      event: "fault-injected",
      fault: id,
      faultKind: fault.kind,
      ...(isEdgeFault(fault) ? { edge: formatEdge(fault.edge) } : { process: partOf(fault) }),
      detail: describeFault(fault, how),
    });
  }

  /** Touches nothing yet. */
  function prepare({ id, fault, lease }: PlannedFault): Promise<Injection> {
    if (isEdgeFault(fault)) return edgeInjection({ id, lease, fault, proxy, heartbeat, placeOf });
    if (processes === undefined) throw new Error("nothing is there that changes processes");
    if (isProcessFault(fault)) {
      const { kind: faultKind, process } = fault;
      const onRepeat = (times: number): void =>
        write({ event: "fault-repeated", fault: id, faultKind, process, times });
      return processInjection({ ...processes, fault, clock, onRepeat, idle: untilIdle });
    }
    const { runtime, target } = processes;
    if (!canScale(runtime)) throw new Error(`the ${runtime.name} runtime has no replicas`);
    return replicasInjection({ fault, target, runtime, idle: untilIdle });
  }

  /** Resolves when nobody else is taking back what this run did. */
  async function untilIdle(): Promise<void> {
    await watchdog?.idle();
  }

  /** A fault of a process begins when what was done to that before is taken back. */
  async function untilWhole(part: string): Promise<void> {
    const same = planned.filter(({ fault }) => !isEdgeFault(fault) && partOf(fault) === part);
    await Promise.all(same.flatMap(({ id }) => undoing.get(id) ?? []));
  }

  /** Whoever asks while it is being undone waits for the same undo. */
  function undo(id: string): Promise<readonly UndoFailure[]> {
    const running = undoing.get(id);
    if (running !== undefined) return running;
    const run = undos
      .undo(id, injections.get(id)?.undoWithinMs ?? 0)
      .then((failures) => {
        for (const { what, message } of failures) write({ event: "undo-failed", fault: what, message });
        return failures;
      })
      .finally(() => undoing.delete(id));
    undoing.set(id, run);
    return run;
  }

  async function end(id: string, injection: Injection, signal: AbortSignal): Promise<void> {
    const startedMs = clock.nowMs();
    const { hasExpired, ...done } = await injection.end(signal);
    const durationMs = clock.nowMs() - startedMs;
    write({ event: "fault-undone", fault: id, by: hasExpired ? "lease" : undoneBy, durationMs, ...done });
  }

  function placeOf(name: string): string {
    const named = planned.find(({ fault }) => nameOfFault(fault) === name);
    if (named?.place === undefined) throw new Error(`no fault is called ${name}, which the schema requires`);
    return named.place;
  }
}
