import { join } from "node:path";
import { expect, test } from "vitest";
import type { JournalEvent, JournalLine, UndoRecord } from "../record/journal.ts";
import type { Nothing, ProcessChange } from "../runtimes/process-change.ts";
import { loadTarget } from "../target/load-target.ts";
import { pendingUndos, takeBackAll } from "./take-back.ts";
import { toyRuntime } from "./toy-runtime.fixture.ts";

const target = loadTarget(join(import.meta.dirname, "../../test/corpus/target.yaml"));

function kill(process: string): UndoRecord {
  return { kind: "process-change", change: "kill", process, before: {} };
}

test("what hangs is given up at its deadline, what fails is told, and neither holds up the others", async () => {
  const deeds: string[] = [];
  const reborn: ProcessChange<Nothing> = {
    how: "a toy's death",
    before: () => Promise.resolve({}),
    make: () => Promise.resolve(),
    async takeBack(_target, process) {
      deeds.push(process);
      if (process === "hangs") await new Promise(() => undefined);
      if (process === "fails") throw new Error("no such luck");
    },
  };
  const journal: JournalEvent[] = [];
  const write = (event: JournalEvent): void => void journal.push(event);
  const owed = ["hangs", "fails", "works", "works"].map((process, index) => ({
    fault: `f${index + 1}`,
    undo: kill(process),
    write,
  }));
  const takenBack = await takeBackAll(owed, {
    runtime: toyRuntime({ kill: reborn }),
    target,
    by: "recover",
    withinMs: () => 100,
  });
  expect(deeds).toEqual(["hangs", "fails", "works"]); // of two that ask for the same, one
  expect(takenBack.map(({ outcome }) => outcome)).toEqual([
    { failure: "not undone within 100 ms" },
    { failure: "no such luck" },
    { became: "kill of works is taken back" },
    { became: "kill of works is taken back" },
  ]);
  const told = journal.map((line) => ("fault" in line ? `${line.event} ${line.fault}` : line.event));
  expect(told.toSorted()).toEqual(["fault-undone f3", "fault-undone f4", "undo-failed f1", "undo-failed f2"]);
});

test("a fault is pending from its plan to its undo, and again when its engine injects it after that", () => {
  const planned: JournalLine = { atMs: 1, event: "undo-planned", fault: "f1", undo: kill("order") };
  const undone: JournalLine = { atMs: 2, event: "fault-undone", fault: "f1", by: "watchdog", durationMs: 1 };
  const injected: JournalLine = {
    atMs: 3,
    event: "fault-injected",
    fault: "f1",
    faultKind: "kill",
    detail: "",
  };
  const faultsIn = (...lines: JournalLine[]): string[] => pendingUndos(lines).map(({ fault }) => fault);
  expect(faultsIn()).toEqual([]);
  expect(faultsIn(planned)).toEqual(["f1"]);
  expect(faultsIn(planned, injected)).toEqual(["f1"]);
  expect(faultsIn(planned, injected, undone)).toEqual([]);
  expect(faultsIn(planned, undone, injected)).toEqual(["f1"]);
  const failed: JournalLine = { atMs: 4, event: "undo-failed", fault: "f1", message: "no such luck" };
  expect(faultsIn(planned, undone, failed)).toEqual(["f1"]);
});
