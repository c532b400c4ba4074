import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readJournal } from "../../harness/record/journal.ts";
import { pairFleet, type PairFleet } from "./pair-fleet.ts";

let fleet: PairFleet;
beforeEach(() => {
  fleet = pairFleet();
  const text = readFileSync(fleet.experiment, "utf8");
  writeFileSync(
    fleet.experiment,
    text.replace("latency: { edge: front -> back, delay: 100ms }", "kill: { process: back }"),
  );
});
afterEach(async () => {
  await fleet.squall("down", fleet.target).exit;
  fleet[Symbol.dispose]();
});

test("a run that dies with a process killed leaves it to recover, which makes the fleet whole again", async () => {
  const up = fleet.squall("up", fleet.target);
  expect(await up.exit, up.err()).toBe(0);
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  await fleet.journaled("fault-injected");
  run.child.kill("SIGKILL");
  await run.exit;
  const without = fleet.squall("fault", "list", "--target", fleet.target);
  expect(await without.exit).toBe(3);

  const recover = fleet.squall("recover", fleet.target, "--runs", fleet.runs);
  expect(await recover.exit, recover.err()).toBe(0);
  expect(recover.out()).toContain("f1: back runs again");
  const whole = fleet.squall("fault", "list", "--target", fleet.target);
  expect(await whole.exit, whole.err()).toBe(0);
  const events = readJournal(fleet.newestRun()?.journal ?? "").lines;
  expect(events.slice(-2)).toMatchObject([
    { event: "fault-undone", fault: "f1", by: "recover" },
    { event: "recovered" },
  ]);
});

test("a run that dies with a process of its own fleet killed has that fleet ended", async () => {
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  await fleet.journaled("fault-injected");
  run.child.kill("SIGKILL");
  await run.exit;
  const recover = fleet.squall("recover", fleet.target, "--runs", fleet.runs);
  expect(await recover.exit, recover.err()).toBe(0);
  expect(recover.out()).toContain("f1: back ends with its fleet");
  const down = fleet.squall("down", fleet.target);
  await down.exit;
  expect(down.out()).toContain("nothing was running");
});

test("an interrupt starts a killed process again before it reports", async () => {
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  await fleet.journaled("fault-injected");
  run.child.kill("SIGINT");
  expect(await run.exit).toBe(130);
  const events = readJournal(fleet.newestRun()?.journal ?? "").lines;
  expect(events).toContainEqual(
    expect.objectContaining({ event: "fault-undone", fault: "f1", by: "interrupt" }),
  );
});
