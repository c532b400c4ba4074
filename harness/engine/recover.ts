import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SquallError, messageOf } from "../base/errors.ts";
import { proxyApi } from "../faults/proxy-api.ts";
import { openJournal, readJournal, type Journal, type UndoRecord } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import { changeOf } from "../runtimes/process-change.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import { takenBackWithinMs } from "./processes.ts";

export interface RecoverReport {
  /** What was done, a line each; empty when nothing was left over. */
  readonly lines: readonly string[];
  /** What could not be done. */
  readonly failures: readonly string[];
}

/**
 * Cleans up after runs of a target whose engine died: undoes what their journals planned, and ends the fleet that such
 * a run had started. A fleet that `up` left running stays. Running it twice does nothing the second time.
 * @throws {SQUALL_LOCKED} when a run of this target is alive
 */
export async function recoverFleet(
  target: Target,
  runtime: Runtime,
  runsFolder: string,
): Promise<RecoverReport> {
  await using _lock = await runtime.lock(target, "recover");
  const lines: string[] = [];
  const failures: string[] = [];
  const state = runtime.stateFolder(target);
  let leftFleetBehind = false;
  for (const unfinished of unfinishedRuns(runsFolder, state)) {
    leftFleetBehind ||= unfinished.ownedFleet;
    using journal = openJournal(runFolder(unfinished.path).journal);
    for (const { fault, undo } of unfinished.undos)
      await undoOne(fault, undo, journal, unfinished.ownedFleet);
    journal.write({
      event: "recovered",
      detail: unfinished.ownedFleet ? "its fleet is ended" : "its faults are undone",
    });
    lines.push(`${unfinished.run}: recovered`);
  }
  if (leftFleetBehind || (await runtime.attach(target)) === undefined)
    lines.push(...(await runtime.cleanUp(target)));
  return { lines, failures };

  async function undoOne(
    fault: string,
    undo: UndoRecord,
    journal: Journal,
    endsFleet: boolean,
  ): Promise<void> {
    const startedMs = performance.now();
    const undone = (what: string): void => {
      const durationMs = performance.now() - startedMs;
      journal.write({ event: "fault-undone", fault, by: "recover", durationMs });
      lines.push(`${fault}: ${what}`);
    };
    switch (undo.kind) {
      case "end-lease": {
        try {
          await proxyApi(undo.proxyApi).endLease(undo.lease);
        } catch (error) {
          // A proxy that is gone took its faults with it; one that is there and refuses did not.
          if (await answers(undo.proxyApi)) failures.push(`${fault}: ${messageOf(error)}`);
        }
        return undone(`lease ${undo.lease} ended`);
      }
      case "process-change": {
        if (endsFleet) return undone(`${undo.process} ends with its fleet`);
        try {
          return undone(await takeBack(undo));
        } catch (error) {
          failures.push(`${fault}: ${messageOf(error)}`);
        }
      }
    }
  }

  /** A fleet that `up` left running goes on only with all its parts. @returns what became of the process */
  async function takeBack({ change, process, before }: ChangeUndo): Promise<string> {
    try {
      const deadline = AbortSignal.timeout(takenBackWithinMs);
      await changeOf(runtime, change).takeBack(target, process, before, deadline);
      return `${process} runs again`;
    } catch (error) {
      if (error instanceof SquallError && error.code === "SQUALL_NO_FLEET")
        return `${process} went with its fleet`;
      throw error;
    }
  }
}

type ChangeUndo = Extract<UndoRecord, { readonly kind: "process-change" }>;

interface UnfinishedRun {
  readonly run: string;
  readonly path: string;
  readonly ownedFleet: boolean;
  readonly undos: readonly { readonly fault: string; readonly undo: UndoRecord }[];
}

/** Runs of this fleet whose journal neither ended nor was recovered. */
function unfinishedRuns(runsFolder: string, state: string): readonly UnfinishedRun[] {
  if (!existsSync(runsFolder)) return [];
  return readdirSync(runsFolder).flatMap((name) => {
    const path = join(runsFolder, name);
    const { lines } = readJournal(runFolder(path).journal);
    const started = lines.find((line) => line.event === "run-started");
    if (!started || started.fleetState !== state) return [];
    if (lines.some(({ event }) => event === "run-ended" || event === "recovered")) return [];
    const undone = new Set(lines.flatMap((line) => (line.event === "fault-undone" ? [line.fault] : [])));
    const undos = lines.flatMap((line) =>
      line.event === "undo-planned" && !undone.has(line.fault)
        ? [{ fault: line.fault, undo: line.undo }]
        : [],
    );
    return [{ run: started.run, path, ownedFleet: started.ownsFleet, undos }];
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    await proxyApi(url).evidence();
    return true;
  } catch {
    return false;
  }
}
