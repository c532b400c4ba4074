import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { waitFor } from "../../harness/base/wait.ts";
import { readJournal, type JournalLine } from "../../harness/record/journal.ts";
import { identify } from "../../harness/runtimes/process-identity.ts";
import { processRuntime } from "../../harness/runtimes/process/process-runtime.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { pairFleet, type PairFleet } from "./pair-fleet.ts";
import type { SquallCommand } from "./squall-command.ts";

/** What the watchdog promises. */
const takenBackWithinMs = 10_000;

let fleet: PairFleet;
function open(): void {
  fleet = pairFleet();
  breakBy("kill: { process: back }");
}
async function end(): Promise<void> {
  await fleet.squall("down", fleet.target).exit;
  fleet[Symbol.dispose]();
}

describe("on a fleet that is up", () => {
  beforeAll(async () => {
    open();
    await bringUp();
  });
  afterAll(end);

  test("a run that is held still for longer than its lease is inconclusive, and the fleet is whole before it goes on", async () => {
    const run = await startRun();
    await fleet.journaled("fault-injected");
    run.child.kill("SIGSTOP");
    const undone = await fleet.journaled("fault-undone", 5_000 + takenBackWithinMs);
    expect(undone.by).toBe("watchdog");
    expect(await isWhole()).toBe(true);
    run.child.kill("SIGCONT");
    expect(await run.exit, run.err()).toBe(2);
    expect(run.out()).toContain("The run lost its lease");
    expect(journaled("lease-lost")).toMatchObject({ why: "the engine did not tell of itself for 5 s" });
    expect(await isWhole()).toBe(true);
  });
});

describe("on a fleet of its own", () => {
  beforeEach(open);
  afterEach(end);

  test("who recovers at once after a run with a fleet of its own died waits for its watchdog, then ends that fleet", async () => {
    const run = await startRun();
    await fleet.journaled("fault-injected");
    run.child.kill("SIGKILL");
    await run.exit;
    const recover = fleet.squall("recover", fleet.target, "--runs", fleet.runs);
    expect(await recover.exit, recover.err()).toBe(0);
    expect(recover.out()).toContain(": recovered");
    const down = fleet.squall("down", fleet.target);
    await down.exit;
    expect(down.out()).toContain("nothing was running");
  });

  test("an interrupt starts a killed process again before it reports", async () => {
    const run = await startRun();
    await fleet.journaled("fault-injected");
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    expect(journaled("fault-undone")).toMatchObject({ fault: "f1", by: "interrupt" });
    expect(identify(journaled("watchdog-started")?.pid ?? 0)).toBeUndefined();
  });

  test("a process that does not start again is told of everywhere, with 5 also after Ctrl-C, until recover has it", async () => {
    const once = join(fleet.folder, "started.txt");
    writeFileSync(
      join(fleet.folder, "once.mjs"),
      `import { writeFileSync } from "node:fs";
     writeFileSync(${JSON.stringify(once)}, "", { flag: "wx" });
     await import("./service.mjs");`,
    );
    const target = readFileSync(fleet.target, "utf8");
    writeFileSync(fleet.target, target.replace(/(back:\n +command: \[node, )service/, "$1once"));
    await bringUp();
    const run = await startRun();
    await fleet.journaled("fault-injected");
    run.child.kill("SIGINT");
    expect(await run.exit, run.err()).toBe(5);
    expect(run.err()).toMatch(/NOT UNDONE kill of back[^:]*: back: ended with exit code 1/);
    const { markdown, html, junit, summary } = fleet.newestRun() ?? {};
    for (const report of [markdown, html, junit, summary])
      expect(readFileSync(report ?? "", "utf8"), report).toContain(
        "ended with exit code 1 before it was ready",
      );
    expect(run.out()).toContain("not undone: kill of back");

    const early = fleet.squall("recover", fleet.target, "--runs", fleet.runs);
    expect(await early.exit).toBe(5);
    expect(early.err()).toContain("NOT RECOVERED f1: back: ended with exit code 1");
    writeFileSync(join(fleet.folder, "once.mjs"), 'await import("./service.mjs");');
    const late = fleet.squall("recover", fleet.target, "--runs", fleet.runs);
    expect(await late.exit, late.err()).toBe(0);
    expect(await isWhole()).toBe(true);
  });
});

function breakBy(...faults: readonly string[]): void {
  const text = readFileSync(fleet.experiment, "utf8");
  const list = faults.map((fault) => `{ ${fault} }`).join(", ");
  writeFileSync(
    fleet.experiment,
    text.replace(/faults: .*/, `faults: [${list}]`).replace("baseline: 3s", "baseline: 1s"),
  );
}

async function bringUp(): Promise<void> {
  const up = fleet.squall("up", fleet.target);
  expect(await up.exit, up.err()).toBe(0);
}

/** Resolves when the newest run is this one. */
async function startRun(): Promise<SquallCommand> {
  const before = fleet.newestRun()?.path;
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  const ended = run.exit.then((code) =>
    Promise.reject(new Error(`the run ended with ${code}: ${run.err()}`)),
  );
  const begun = waitFor(
    { what: "the run to begin", withinMs: 30_000 },
    () => fleet.newestRun()?.path !== before,
  );
  ended.catch(() => undefined); // each run ends sooner or later
  await Promise.race([begun, ended]);
  return run;
}

function journal(): readonly JournalLine[] {
  return readJournal(fleet.newestRun()?.journal ?? "").lines;
}

function journaled<E extends JournalLine["event"]>(event: E): Extract<JournalLine, { event: E }> | undefined {
  return journal().find((line): line is Extract<JournalLine, { event: E }> => line.event === event);
}

/** All of the fleet runs, and its services answer. */
async function isWhole(): Promise<boolean> {
  const running = await processRuntime().attach(loadTarget(fleet.target));
  if (running === undefined) return false;
  const answers = [...running.addresses.values()].map(
    async ({ http }) =>
      http !== undefined &&
      (await fetch(`http://${http.host}:${http.port}/ready`, { signal: AbortSignal.timeout(5_000) })).ok,
  );
  return (await Promise.all(answers)).every(Boolean);
}
