import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import { readJournal, type JournalLine } from "../record/journal.ts";
import { identify } from "../runtimes/process-identity.ts";
import { loadTarget } from "../target/load-target.ts";
import { isPaused, pauseLate } from "./fixtures/toy-files.ts";
import { startWatchdog, type Watchdog } from "./watchdog.ts";

let folder: string;
let target: string;
let journal: string;
let engine: ChildProcess | undefined;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "squall-watchdog-")));
  cpSync(join(import.meta.dirname, "../../test/corpus"), folder, { recursive: true });
  target = join(folder, "target.yaml");
  journal = join(folder, "journal.jsonl");
  engine = undefined;
});
afterEach(() => {
  engine?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("what a killed engine left broken is taken back, though its journal ends within a line; then the watchdog ends", async () => {
  const pid = await startEngine();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
  appendFileSync(journal, '{"atMs":1,"event":"fault-inj');
  expect([isPaused(target, "order"), isPaused(target, "payment")]).toEqual([true, true]);

  process.kill(-(engine?.pid ?? Infinity), "SIGKILL"); // all of its group
  const undone = (): boolean => readJournal(journal).lines.some(({ event }) => event === "fault-undone");
  await waitFor({ what: "the watchdog to take back", withinMs: 10_000 }, undone);
  pauseLate(target, "order"); // what the engine asked for as it died
  await gone(pid);
  expect([isPaused(target, "order"), isPaused(target, "payment")]).toEqual([false, true]);
  const { invalid, cutBytes } = readJournal(journal);
  expect(linesAfterPlan()).toMatchObject([
    { event: "watchdog-took-over", why: "the engine is gone" },
    { event: "fault-undone", fault: "f1", by: "watchdog" },
    { event: "fault-undone", fault: "f3", by: "watchdog" },
  ]);
  expect([invalid.length, cutBytes]).toEqual([1, 0]);
});

test("an engine that hangs loses its lease and is told; what it breaks after that is taken back when it dies", async () => {
  const pid = await startEngine(50);
  engine?.kill("SIGSTOP");
  await waitFor({ what: "the lease to be over", withinMs: 10_000 }, () => !isPaused(target, "order"));
  engine?.kill("SIGCONT");
  expect(await said(/^lost: .*/m)).toContain("lost: the engine did not tell of itself for 0.25 s");
  expect(isPaused(target, "order")).toBe(true);

  engine?.kill("SIGKILL");
  await gone(pid);
  expect(isPaused(target, "order")).toBe(false);
  // f3 is of an edge: while the engine lives, that is left to the proxy's lease.
  expect(linesAfterPlan().map(briefly)).toEqual([
    "watchdog-took-over the engine did not tell of itself for 0.25 s",
    "fault-undone f1 watchdog",
    "watchdog-took-over the engine is gone",
    "fault-undone f1 watchdog",
    "fault-undone f3 watchdog",
  ]);
});

test("a run that ends in order leaves no watchdog and no word of it", async () => {
  const watchdog = await startToy({});
  await watchdog.idle();
  await watchdog[Symbol.asyncDispose]();
  await gone(watchdog.pid);
  expect(watchdog.lost.aborted).toBe(false);
  expect(readJournal(journal).lines).toEqual([]);
});

test("a watchdog that is killed is missed, and holds up nobody", async () => {
  await using watchdog = await startToy({});
  process.kill(watchdog.pid, "SIGKILL");
  await waitFor({ what: "the run to miss it", withinMs: 5_000 }, () => watchdog.lost.aborted);
  expect(String(watchdog.lost.reason)).toContain("the watchdog ended early (SIGKILL)");
  await watchdog.idle();
});

test("a watchdog that does not come up refuses the run, and its log says why", async () => {
  const starting = startToy({ main: new URL("fixtures/no-such-module.ts", import.meta.url) });
  await expect(starting).rejects.toMatchObject({
    code: "SQUALL_PREFLIGHT",
    message: expect.stringContaining("exit code 1") as string,
  });
  expect(readFileSync(join(folder, "watchdog.log"), "utf8")).toContain("no-such-module");
});

function startToy({
  tickMs,
  main = new URL("fixtures/toy-watchdog.ts", import.meta.url),
}: {
  readonly tickMs?: number;
  readonly main?: URL;
}): Promise<Watchdog> {
  const { document, file } = loadTarget(target);
  return startWatchdog({
    main,
    orders: {
      runtime: "process",
      target: { document, file },
      journal,
      ...(tickMs === undefined ? {} : { tickMs }),
    },
    logFile: join(folder, "watchdog.log"),
  });
}

let output = "";

/** @returns its watchdog's pid */
async function startEngine(tickMs = 60_000): Promise<number> {
  output = "";
  const file = join(import.meta.dirname, "fixtures/toy-engine.ts");
  engine = spawn(process.execPath, [file, target, journal, String(tickMs)], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true, // the leader of a process group
  });
  engine.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(engine, "spawn");
  return Number((await said(/watched by (\d+)/)).replace("watched by ", ""));
}

function said(what: RegExp): Promise<string> {
  return waitFor({ what: `the engine to say ${what}`, withinMs: 20_000 }, () => what.exec(output)?.[0]);
}

async function gone(pid: number): Promise<void> {
  const what = `the watchdog ${pid} to end`;
  await waitFor({ what, withinMs: 10_000 }, () => identify(pid) === undefined);
}

function linesAfterPlan(): readonly JournalLine[] {
  const { lines } = readJournal(journal);
  return lines.slice(lines.findIndex(({ event }) => event === "watchdog-took-over"));
}

function briefly(line: JournalLine): string {
  if (line.event === "fault-undone") return `${line.event} ${line.fault} ${line.by}`;
  return line.event === "watchdog-took-over" ? `${line.event} ${line.why}` : line.event;
}
