import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SquallError } from "../base/errors.ts";
import { openJournal, readJournal, type JournalEvent } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import type { Nothing, ProcessChange } from "../runtimes/process-change.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import { loadTarget } from "../target/load-target.ts";
import { recoverFleet } from "./recover.ts";
import { toyRuntime } from "./toy-runtime.fixture.ts";

const target = loadTarget(join(import.meta.dirname, "../../test/corpus/target.yaml"));
const planned: JournalEvent = {
  event: "undo-planned",
  fault: "f1",
  undo: { kind: "process-change", change: "kill", process: "front", before: {} },
};

let runs: string;
let isLocked: () => boolean;
let takenBack: string[];
let whyNot: string | undefined;
let runtime: Runtime;

beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), "squall-runs-"));
  isLocked = () => false;
  takenBack = [];
  whyNot = undefined;
  const kill: ProcessChange<Nothing> = {
    how: "a toy's death",
    before: () => Promise.resolve({}),
    make: () => Promise.resolve(),
    async takeBack(_target, process) {
      if (whyNot !== undefined) throw new Error(whyNot);
      takenBack.push(process);
    },
  };
  runtime = {
    ...toyRuntime({ kill }),
    async lock() {
      if (isLocked()) throw new SquallError("SQUALL_LOCKED", "somebody holds it");
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  };
});
afterEach(() => rmSync(runs, { recursive: true }));

test("what could not be taken back is tried again the next time, and once it is, that was the last time", async () => {
  const journal = journalOf("one", [planned]);
  whyNot = "its disk is full";
  expect(await recoverFleet(target, runtime, runs)).toEqual({
    lines: [],
    failures: ["f1: its disk is full"],
  });
  whyNot = undefined;
  const { lines, failures } = await recoverFleet(target, runtime, runs);
  expect([lines, failures]).toEqual([["f1: kill of front is taken back", "one: recovered"], []]);
  expect(await recoverFleet(target, runtime, runs)).toEqual({ lines: [], failures: [] });
  expect(takenBack).toEqual(["front"]);
  expect(readJournal(journal).lines.map(({ event }) => event)).toEqual([
    "run-started",
    "undo-planned",
    "undo-failed",
    "fault-undone",
    "recovered",
  ]);
});

test("a run that ended with a fault that it could not undo is recovered too; one that ended well is left alone", async () => {
  const ended: JournalEvent = { event: "run-ended", verdict: "not-recovered", exitCode: 5 };
  const undone: JournalEvent = { event: "fault-undone", fault: "f1", by: "plan", durationMs: 1 };
  journalOf("bad", [planned, ended]);
  const journal = journalOf("good", [planned, undone, ended]);
  const before = readJournal(journal).lines;
  const { lines } = await recoverFleet(target, runtime, runs);
  expect(lines).toEqual(["f1: kill of front is taken back", "bad: recovered"]);
  expect(readJournal(journal).lines).toEqual(before);
});

test("who comes while a watchdog takes back waits for it; who comes while a run goes on does not", async () => {
  using journal = openJournal(journalOf("one", [planned]));
  const write = (event: JournalEvent): void => void journal.write(event);
  let asked = 0;
  isLocked = () => (asked += 1) > 0;
  await expect(recoverFleet(target, runtime, runs)).rejects.toMatchObject({ code: "SQUALL_LOCKED" });
  expect(asked).toBe(1);
  write({ event: "watchdog-took-over", why: "the engine is gone" });
  isLocked = () => {
    asked += 1;
    if (asked === 3) write({ event: "fault-undone", fault: "f1", by: "watchdog", durationMs: 1 });
    return asked < 4;
  };
  expect(await recoverFleet(target, runtime, runs)).toEqual({ lines: ["one: recovered"], failures: [] });
  expect(takenBack).toEqual([]);
});

/** @returns the journal of a run on a fleet that was up before */
function journalOf(run: string, events: readonly JournalEvent[]): string {
  const folder = runFolder(join(runs, run));
  mkdirSync(folder.path);
  using journal = openJournal(folder.journal);
  const fleetState = runtime.stateFolder(target);
  for (const event of [
    { event: "run-started", run, pid: 1, fleetState, ownsFleet: false } as const,
    ...events,
  ])
    journal.write(event);
  return folder.journal;
}
