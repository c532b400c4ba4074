import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readJournal } from "../../harness/record/journal.ts";
import { summarySchema } from "../../harness/record/summary.ts";
import { pairFleet, type PairFleet } from "./pair-fleet.ts";

let fleet: PairFleet;
beforeEach(() => {
  fleet = pairFleet();
});
afterEach(async () => {
  await fleet.squall("down", fleet.target).exit;
  fleet[Symbol.dispose]();
});

function breakWith(...faults: readonly string[]): void {
  const text = readFileSync(fleet.experiment, "utf8")
    .replace("latency: { edge: front -> back, delay: 100ms }", faults.join(" }, { "))
    .replace("baseline: 3s, fault: 30s", "baseline: 1s, fault: 5s")
    .replace("look, at-least: 50%", "look, at-least: 50%, during: baseline");
  writeFileSync(fleet.experiment, text);
}

test("faults of processes come one after the other and beside one of an edge, and each is felt and undone", async () => {
  breakWith(
    "pause: { process: back, for: 1s }",
    "crash-loop: { process: front, every: 1s, at: 500ms, for: 3s }",
    "restart: { process: back, at: 2s }",
    "latency: { edge: front -> back, delay: 20ms }",
    "cpu: { process: back-db, processors: 0.5, at: 1s }",
  );
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  expect(await run.exit, run.err()).toBe(2);

  const folder = fleet.newestRun();
  const { faults, timeline } = summarySchema.parse(JSON.parse(readFileSync(folder?.summary ?? "", "utf8")));
  expect(faults.map(({ undoneBy }) => undoneBy)).toEqual(faults.map(() => "plan"));
  expect(faults.map(({ title, bit }) => [title, bit])).toEqual([
    ["pause of back (held still by SIGSTOP), for 1 s", true],
    ["crash of front every 1 s (SIGKILL), from 500 ms on for 3 s", true],
    ["restart of back, ended within 10 s (SIGTERM, and SIGKILL where that does not help), from 2 s on", true],
    ["latency of 20 ms on front -> back", expect.any(Boolean)], // the front was rarely there to feel it
    [
      "limit of 0.5 processors for back-db (held still by SIGSTOP whenever it has had more), from 1 s on",
      false, // nobody asks it for anything
    ],
  ]);
  expect(faults[0]?.evidence).toBe("back was held still to the end");
  expect(faults[1]?.evidence).toMatch(/^front was made to crash, [2-4] times$/);
  expect(timeline.map(({ text }) => text)).toContainEqual("again: f2, crash-loop on front (2 times)");
  const events = readJournal(folder?.journal ?? "").lines.map(({ event }) => event);
  expect(events.indexOf("undo-planned")).toBeLessThan(events.indexOf("fault-injected"));
  expect(run.out()).toContain("the fault touched nothing: limit of 0.5 processors for back-db");
});
