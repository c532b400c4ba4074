import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { waitAtMost } from "../base/wait.ts";
import { openJournal, readJournal } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import {
  pendingUndos,
  subjectOf,
  takeBackAll,
  undoWithinMsOf,
  type OwedUndo,
  type PendingUndo,
} from "./take-back.ts";

export interface RecoverReport {
  /** What was done, a line each; empty when nothing was left over. */
  readonly lines: readonly string[];
  /** What could not be done. */
  readonly failures: readonly string[];
}

/**
 * Cleans up after runs of a target whose engine died, or that could not undo all: takes back what their journals planned,
 * all at once, and ends the fleet that such a run had started. A fleet that `up` left running stays. What failed is
 * tried again the next time; when all is done, running it again does nothing.
 * @throws {SQUALL_LOCKED} when a run of this target is alive
 */
export async function recoverFleet(
  target: Target,
  runtime: Runtime,
  runsFolder: string,
): Promise<RecoverReport> {
  const state = runtime.stateFolder(target);
  await using _lock = await lockAfterWatchdog(target, runtime, unfinishedRuns(runsFolder, state));
  using journals = new DisposableStack();
  const runs = unfinishedRuns(runsFolder, state).map((run) => {
    const journal = journals.use(openJournal(runFolder(run.path).journal));
    return { ...run, write: journal.write.bind(journal) };
  });
  const owed = runs.flatMap(({ pending, write, ...run }) => pending.map((undo) => ({ ...undo, write, run })));
  const [ending, staying] = partition(
    owed,
    ({ undo, run }) => run.ownedFleet && (undo.kind === "process-change" || undo.kind === "replicas"),
  );

  const takenBack = await takeBackAll(staying, { runtime, target, by: "recover" });
  const failed = takenBack.flatMap(({ owed, outcome }) =>
    "failure" in outcome ? [{ run: owed.run.run, failure: `${owed.fault}: ${outcome.failure}` }] : [],
  );
  const done = takenBack.flatMap(({ owed: { fault }, outcome }) =>
    "became" in outcome ? [`${fault}: ${outcome.became}`] : [],
  );
  const isFleetLeft = runs.some(({ ownedFleet, hasEnded }) => ownedFleet && !hasEnded);
  // A fleet that lacks only what could not be taken back is not left over: the next time may make it whole.
  const isWreck = failed.length === 0 && (await runtime.attach(target)) === undefined;
  const fleet = isFleetLeft || isWreck ? await endedFleet(runtime, target) : { lines: [], failures: [] };
  const hasFleetEnded = fleet.failures.length === 0;
  const ended = hasFleetEnded ? ending.map(tellEndedWithFleet) : [];
  const recovered = runs.flatMap(({ run, ownedFleet, write }) => {
    if (failed.some((one) => one.run === run) || (ownedFleet && !hasFleetEnded)) return [];
    write({ event: "recovered", detail: ownedFleet ? "its fleet is ended" : "its faults are undone" });
    return [`${run}: recovered`];
  });
  return {
    lines: [...done, ...fleet.lines, ...ended, ...recovered],
    failures: [...failed.map(({ failure }) => failure), ...fleet.failures],
  };
}

async function endedFleet(runtime: Runtime, target: Target): Promise<RecoverReport> {
  try {
    return { lines: await runtime.cleanUp(target), failures: [] };
  } catch (error) {
    return { lines: [], failures: [`the fleet: ${messageOf(error)}`] };
  }
}

function tellEndedWithFleet({ fault, undo, write }: OwedUndo): string {
  write({ event: "fault-undone", fault, by: "recover", durationMs: 0 });
  return `${fault}: ${subjectOf(undo)} ends with its fleet`;
}

/** Of one that has taken back all: it looks once more. */
const watchdogEndsWithinMs = 5_000;

/**
 * The fleet's lock. A watchdog that is taking back what a run broke holds it for as long as that takes; then there is
 * less to do, or nothing.
 * @throws {SQUALL_LOCKED} when somebody else holds it, or the watchdog too long
 */
async function lockAfterWatchdog(
  target: Target,
  runtime: Runtime,
  runs: readonly UnfinishedRun[],
): Promise<AsyncDisposable> {
  const lock = (): Promise<AsyncDisposable> => runtime.lock(target, "recover");
  const watched = runs.filter(({ hasWatchdog }) => hasWatchdog);
  if (watched.length === 0) return lock();
  const pending = watched.flatMap((run) => run.pending);
  const withinMs = Math.max(watchdogEndsWithinMs, ...pending.map(({ undo }) => undoWithinMsOf(undo)));
  const what = "the watchdog to take back what a run broke";
  return (await waitAtMost({ what, withinMs, everyMs: 100 }, lock)) ?? lock();
}

interface UnfinishedRun {
  readonly run: string;
  readonly path: string;
  /** One that has ended has stopped the fleet that was its own. */
  readonly ownedFleet: boolean;
  readonly hasEnded: boolean;
  /** Whether a watchdog began to take back what it broke. */
  readonly hasWatchdog: boolean;
  readonly pending: readonly PendingUndo[];
}

/** The runtimes of a target whose runs left something behind, as their journals say; that of local processes in any case. */
export function runtimesLeft({ folder }: Target, runsFolder: string): readonly Runtime["name"][] {
  const left = unfinishedJournals(runsFolder).filter(({ started }) =>
    started.fleetState.startsWith(join(folder, "/")),
  );
  return [
    ...new Set<Runtime["name"]>(["process", ...left.map(({ started }) => started.runtime ?? "process")]),
  ];
}

/** Runs of this fleet that did not end, or not without a fault that may be in place, and were not recovered since. */
function unfinishedRuns(runsFolder: string, state: string): readonly UnfinishedRun[] {
  return unfinishedJournals(runsFolder)
    .filter(({ started }) => started.fleetState === state)
    .map(({ path, started: { run, ownsFleet: ownedFleet }, hasEnded, hasWatchdog, pending }) => {
      return { run, path, ownedFleet, hasEnded, hasWatchdog, pending };
    });
}

/** The same of every fleet. */
function unfinishedJournals(runsFolder: string) {
  if (!existsSync(runsFolder)) return [];
  return readdirSync(runsFolder).flatMap((name) => {
    const path = join(runsFolder, name);
    const { lines } = readJournal(runFolder(path).journal);
    const started = lines.find((line) => line.event === "run-started");
    if (!started) return [];
    const has = (event: (typeof lines)[number]["event"]): boolean =>
      lines.some((line) => line.event === event);
    const pending = pendingUndos(lines);
    const hasEnded = has("run-ended");
    if (has("recovered") || (hasEnded && pending.length === 0)) return [];
    return [{ path, started, hasEnded, hasWatchdog: has("watchdog-took-over"), pending }];
  });
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [readonly T[], readonly T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}
