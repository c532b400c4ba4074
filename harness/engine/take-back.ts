import { SquallError } from "../base/errors.ts";
import { UndoStack } from "../base/undo-stack.ts";
import { takeBackOnProxy } from "../faults/proxy-undo.ts";
import type { JournalEvent, JournalLine, UndoRecord } from "../record/journal.ts";
import { changeOf } from "../runtimes/process-change.ts";
import { canScale, type Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import { takenBackWithinMs } from "./processes.ts";

/**
 * Takes faults back by what the journal says of them: whoever reads it can, also when the engine that broke something is dead.
 *
 *   journal ─pendingUndos→ what may still be in place ─takeBackAll→ fault-undone | undo-failed, in the journal
 */

/** The fleet that was broken. */
export interface BrokenFleet {
  readonly runtime: Runtime;
  readonly target: Target;
}

/** Of a fault of an edge: its proxy answers in that time, or hangs. */
const proxyAnswersWithinMs = 3_000;

/** What it is about: a lease, a service or a store. */
export function subjectOf(undo: UndoRecord): string {
  switch (undo.kind) {
    case "end-lease":
      return undo.lease;
    case "remove-toxic":
    case "enable-proxy":
      return undo.proxy;
    case "process-change":
      return undo.process;
    case "replicas":
      return undo.service;
  }
}

/** Deadline for taking this back, in milliseconds. */
export function undoWithinMsOf(undo: UndoRecord): number {
  switch (undo.kind) {
    case "end-lease":
    case "remove-toxic":
    case "enable-proxy":
      return proxyAnswersWithinMs;
    case "process-change":
    case "replicas":
      return takenBackWithinMs;
  }
}

/**
 * Takes back what one record says. Idempotent, and right for anyone, at any time after the record was written.
 * @returns what became of it, in words
 * @throws whatever kept it from being as it was
 */
export async function takeBack(
  undo: UndoRecord,
  { runtime, target }: BrokenFleet,
  signal: AbortSignal,
): Promise<string> {
  switch (undo.kind) {
    case "end-lease":
    case "remove-toxic":
    case "enable-proxy":
      return takeBackOnProxy(undo);
    case "process-change": {
      const { change, process, before } = undo;
      return unlessFleetIsGone(process, async () => {
        await changeOf(runtime, change).takeBack(target, process, before, signal);
        return `${change} of ${process} is taken back`;
      });
    }
    case "replicas": {
      const { service, count } = undo;
      return unlessFleetIsGone(service, async () => {
        if (!canScale(runtime)) throw new Error(`the ${runtime.name} runtime has no replicas`);
        await runtime.scale(target, service, count, { signal });
        return `${service} has as many replicas as before: ${count}`;
      });
    }
  }
}

/** What went with its fleet is broken no more. */
async function unlessFleetIsGone(what: string, deed: () => Promise<string>): Promise<string> {
  try {
    return await deed();
  } catch (error) {
    if (error instanceof SquallError && error.code === "SQUALL_NO_FLEET")
      return `${what} went with its fleet`;
    throw error;
  }
}

export interface PendingUndo {
  readonly fault: string;
  readonly undo: UndoRecord;
}

/**
 * Undos of faults that may still be in place. One that was injected after it was undone is: its engine had been stopped; and
 * one that could not be undone once more, since it had come again.
 */
export function pendingUndos(journal: readonly JournalLine[]): readonly PendingUndo[] {
  const planned = new Map<string, UndoRecord>();
  const pending = new Set<string>();
  for (const line of journal) {
    if (line.event === "undo-planned") planned.set(line.fault, line.undo);
    const isBegun = line.event === "undo-planned" || line.event === "fault-injected";
    if (isBegun || line.event === "undo-failed") pending.add(line.fault);
    if (line.event === "fault-undone") pending.delete(line.fault);
  }
  return [...planned].flatMap(([fault, undo]) => (pending.has(fault) ? [{ fault, undo }] : []));
}

/** An undo, and the journal that asks for it. */
export interface OwedUndo extends PendingUndo {
  readonly write: (event: JournalEvent) => void;
}

export interface TakeBackOptions extends BrokenFleet {
  readonly by: Extract<JournalEvent, { readonly event: "fault-undone" }>["by"];
  /** Deadline for each. @default {@link undoWithinMsOf} */
  readonly withinMs?: (undo: UndoRecord) => number;
}

/** What became of an undo: in words, or why it failed. */
export interface TakenBack<U extends OwedUndo = OwedUndo> {
  readonly owed: U;
  readonly outcome: { readonly became: string } | { readonly failure: string };
}

/**
 * Takes back all at once, each under its own deadline, so that it lasts as long as the longest of these at most; what
 * became of each is in its journal. The same thing asked for by several is done once.
 */
export async function takeBackAll<U extends OwedUndo>(
  owed: readonly U[],
  { by, withinMs = undoWithinMsOf, ...fleet }: TakeBackOptions,
): Promise<readonly TakenBack<U>[]> {
  const same = Map.groupBy(owed, ({ undo }) => JSON.stringify(undo));
  const stack = new UndoStack();
  const takenBack = [...same].map(async ([what, [first, ...others]]): Promise<TakenBack<U>[]> => {
    if (first === undefined) return [];
    const startedMs = performance.now();
    let became = "";
    stack.push(what, async (signal) => {
      became = await takeBack(first.undo, fleet, signal);
    });
    const [failed] = await stack.undo(what, withinMs(first.undo));
    const durationMs = performance.now() - startedMs;
    return [first, ...others].map((one) => {
      const { fault, write } = one;
      if (failed !== undefined) {
        write({ event: "undo-failed", fault, message: failed.message });
        return { owed: one, outcome: { failure: failed.message } };
      }
      write({ event: "fault-undone", fault, by, durationMs });
      return { owed: one, outcome: { became } };
    });
  });
  return (await Promise.all(takenBack)).flat();
}
