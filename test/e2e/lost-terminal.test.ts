import { afterEach, beforeEach, expect, test } from "vitest";
import { readJournal } from "../../harness/record/journal.ts";
import { pairFleet, type PairFleet } from "./pair-fleet.ts";

let fleet: PairFleet;
beforeEach(() => {
  fleet = pairFleet();
});
afterEach(async () => {
  await fleet.squall("recover", fleet.target, "--runs", fleet.runs).exit;
  fleet[Symbol.dispose]();
});

test("a run whose terminal hangs up undoes its fault and ends its fleet", async () => {
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  await fleet.journaled("fault-injected");
  // What a lost connection does: nobody reads any more, and the shell passes on the hang-up.
  run.child.stdout?.destroy();
  run.child.stderr?.destroy();
  run.child.kill("SIGHUP");
  expect(await run.exit).toBe(130);
  const events = readJournal(fleet.newestRun()?.journal ?? "").lines;
  expect(events).toContainEqual(expect.objectContaining({ event: "interrupted", signal: "SIGHUP" }));
  expect(events).toContainEqual(expect.objectContaining({ event: "fault-undone", by: "interrupt" }));
  const down = fleet.squall("down", fleet.target);
  await down.exit;
  expect(down.out()).toContain("nothing was running");
});
