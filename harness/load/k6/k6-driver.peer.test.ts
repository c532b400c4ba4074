import { fork } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../base/clock.ts";
import { readJsonl } from "../../base/jsonl.ts";
import { waitFor } from "../../base/wait.ts";
import { historyLineSchema, type HistoryLine } from "../../record/history.ts";
import { startScriptedServer, type ScriptedServer } from "../fixtures/scripted-server.ts";
import type { JourneyProgress } from "../driver.ts";
import { startK6, type K6Plan, type K6Result } from "./k6-driver.ts";
import { findK6, type K6Program } from "./k6-program.ts";

/** Real k6 on small scripts, against a server that does what the path says. */
const folder = mkdtempSync(join(tmpdir(), "squall-k6-"));
let program: K6Program;
let server: ScriptedServer;
let files = 0;

beforeAll(async () => {
  program = await findK6(process.env["K6"]);
});
beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface ScriptOptions {
  /** What one iteration does. */
  readonly iteration?: string;
  /** Further keys of a scenario. */
  readonly scenario?: string;
  readonly thresholds?: string;
  readonly more?: string;
}

/** A script as a team has one: arrivals as it is told, and one request each. */
function scriptOf({
  iteration = 'http.get(__ENV.BASE_URL + "/ok", { tags: { step: "look" } });',
  scenario = "preAllocatedVUs: 10",
  thresholds = "{}",
  more = "",
}: ScriptOptions): string {
  const file = join(folder, `script-${(files += 1)}.ts`);
  writeFileSync(
    file,
    `import http from "k6/http";
     import exec from "k6/execution";
     const rate: number = Number(__ENV.RATE);
     export const options = {
       scenarios: {
         look: { executor: "constant-arrival-rate", rate, timeUnit: "1s", duration: __ENV.DURATION, ${scenario} },
       },
       thresholds: ${thresholds},
     };
     export default function (): void { ${iteration} }
     ${more}`,
  );
  return file;
}

function planOf(script: string, { durationMs = 1_000, historyFile = "" } = {}): K6Plan {
  const name = join(folder, String((files += 1)));
  return {
    ...program,
    script,
    variables: { BASE_URL: server.baseUrl, RATE: "20", DURATION: `${durationMs}ms`, SEED: "seed" },
    durationMs,
    journeys: ["look"],
    whole: "script",
    historyFile: historyFile === "" ? `${name}.jsonl` : historyFile,
    logFile: `${name}.log`,
    summaryFile: `${name}.json`,
  };
}

interface Driven {
  readonly result: K6Result;
  readonly lines: readonly HistoryLine[];
  readonly progress: readonly JourneyProgress[];
  readonly startAtMs: number;
}

async function driveToEnd(script: string, durationMs = 1_000): Promise<Driven> {
  const plan = planOf(script, { durationMs });
  const progress: JourneyProgress[] = [];
  const requests = server.seen.length;
  await using driver = await startK6(plan, (next) => progress.push(next));
  expect(server.seen.length).toBe(requests);
  const startAtMs = systemClock.nowMs() + 200;
  driver.begin(startAtMs);
  const result = await driver.done;
  return { result, progress, startAtMs, lines: linesOf(plan.historyFile) };
}

function linesOf(file: string): readonly HistoryLine[] {
  const { lines, invalid } = readJsonl<HistoryLine>(file, (value) => historyLineSchema.parse(value));
  expect(invalid).toEqual([]);
  return lines;
}

const seenSome = (): Promise<true> =>
  waitFor({ what: "some requests", withinMs: 20_000 }, () => server.seen.length > 5 || undefined);

test("k6 begins when it is told, and each of its iterations is a journey in the history", async () => {
  const { result, lines, progress, startAtMs } = await driveToEnd(scriptOf({}));
  expect(server.seen[0]?.atMs).toBeGreaterThanOrEqual(startAtMs);
  const journeys = lines.filter(({ kind }) => kind === "journey");
  expect(journeys).toHaveLength(server.seen.length);
  // k6 starts one at once and twenty in the second, or one of them after its end.
  expect(server.seen.length).toBeGreaterThanOrEqual(20);
  expect(journeys.every(({ completion, journey }) => completion === "ok" && journey === "look")).toBe(true);
  expect(progress.flatMap(({ ended }) => ended)).toHaveLength(journeys.length);
  expect(result).toEqual({
    started: journeys.length,
    intended: journeys.length,
    k6: {
      version: program.version,
      dropped: 0,
      unattributedErrors: 0,
      endedEarlyMs: 0,
      thresholds: [],
    },
  });
});

test("thresholds are told as k6 judged them, also where the script writes a summary of its own", async () => {
  const thresholds = '{ http_req_failed: ["rate<0.5"], "http_req_duration{step:look}": ["p(95)<0.001"] }';
  const more = 'export function handleSummary() { return { stdout: "mine" }; }';
  const { result } = await driveToEnd(scriptOf({ thresholds, more }));
  expect(result.k6.abortedBy).toBeUndefined();
  expect(result.k6.thresholds).toHaveLength(2);
  expect(result.k6.thresholds).toContainEqual(
    expect.objectContaining({
      metric: "http_req_duration{step:look}",
      threshold: "p(95)<0.001",
      outcome: "crossed",
    }),
  );
  expect(result.k6.thresholds).toContainEqual({
    metric: "http_req_failed",
    threshold: "rate<0.5",
    outcome: "not-crossed",
    value: 0,
  });
});

test("a threshold with abortOnFail, and a script that aborts, end the load and say why", async () => {
  const crossing = '{ http_req_failed: [{ threshold: "rate<0.1", abortOnFail: true }] }';
  const iteration = 'http.get(__ENV.BASE_URL + "/status/503");';
  const crossed = (await driveToEnd(scriptOf({ iteration, thresholds: crossing }), 20_000)).result.k6;
  expect(crossed.abortedBy).toContain("http_req_failed");
  expect(crossed.endedEarlyMs).toBeGreaterThan(5_000);

  const aborting = 'if (exec.scenario.iterationInTest === 3) exec.test.abort("enough");';
  const aborted = (await driveToEnd(scriptOf({ iteration: aborting }), 20_000)).result.k6;
  expect(aborted.abortedBy).toContain("enough");
});

test("a script that fails the test by itself counts as a crossed threshold", async () => {
  const { result } = await driveToEnd(scriptOf({ iteration: 'exec.test.fail("not like this");' }));
  expect(result.k6.thresholds).toEqual([
    { metric: "the script", threshold: "exec.test.fail()", outcome: "crossed" },
  ]);
});

test("iterations that k6 drops are intended and not started", async () => {
  const iteration = 'http.get(__ENV.BASE_URL + "/slow/700");';
  const { result } = await driveToEnd(scriptOf({ iteration, scenario: "preAllocatedVUs: 1, maxVUs: 1" }));
  expect(result.k6.dropped).toBeGreaterThan(10);
  expect(result.intended).toBe(result.started + result.k6.dropped);
});

test("exceptions that belong to no iteration are counted", async () => {
  const iteration = 'http.get(__ENV.BASE_URL + "/ok"); throw new Error("oh");';
  const { result } = await driveToEnd(scriptOf({ iteration }));
  expect(result.k6.unattributedErrors).toBe(result.started);
});

test("a script that ends before the run does is found out", async () => {
  const script = scriptOf({ scenario: 'preAllocatedVUs: 2, gracefulStop: "0s"' });
  const text = readFileSync(script, "utf8").replace("duration: __ENV.DURATION", 'duration: "1s"');
  writeFileSync(script, text);
  const { result } = await driveToEnd(script, 10_000);
  expect(result.k6.endedEarlyMs).toBeGreaterThan(5_000);
});

test("variables of k6's own do not reach it: the script's scenarios count", async () => {
  process.env["K6_ITERATIONS"] = "1";
  try {
    expect((await driveToEnd(scriptOf({}))).result.started).toBeGreaterThanOrEqual(20);
  } finally {
    delete process.env["K6_ITERATIONS"];
  }
});

test("a script that k6 refuses is refused before anything starts, in k6's words", async () => {
  const broken = scriptOf({ more: "const = 1;" });
  await expect(startK6(planOf(broken), () => undefined)).rejects.toMatchObject({
    code: "SQUALL_PREFLIGHT",
    message: expect.stringMatching(/k6 refused .*Expected identifier/s) as string,
  });
  const throwing = scriptOf({ more: 'throw new Error("no token");' });
  await expect(startK6(planOf(throwing), () => undefined)).rejects.toThrow("no token");
});

test("k6 that ends in error is an error, in k6's words", async () => {
  const script = scriptOf({ more: 'export function setup() { throw new Error("nobody is home"); }' });
  await using driver = await startK6(planOf(script), () => undefined);
  driver.begin(systemClock.nowMs());
  await expect(driver.done).rejects.toMatchObject({
    code: "SQUALL_LOAD",
    message: expect.stringMatching(/exit code 107.*nobody is home/s) as string,
  });
});

test("stopped in the middle, k6 cuts off what is under way, and what it knows is on record", async () => {
  const iteration = 'http.get(__ENV.BASE_URL + "/ok"); http.get(__ENV.BASE_URL + "/never");';
  const plan = planOf(scriptOf({ iteration, thresholds: '{ checks: ["rate>0.5"] }' }), {
    durationMs: 60_000,
  });
  await using driver = await startK6(plan, () => undefined);
  driver.begin(systemClock.nowMs());
  await seenSome();
  const { started, k6 } = await driver.stop();
  const journeys = linesOf(plan.historyFile).filter(({ kind }) => kind === "journey");
  expect(journeys).toHaveLength(started);
  expect(journeys.filter(({ completion }) => completion === "ok")).toEqual([]);
  expect(k6).toMatchObject({ endedEarlyMs: 0, thresholds: [{ metric: "checks" }] });
  const requests = server.seen.length;
  await systemClock.sleep(300); // at 20 a second six would have come
  expect(server.seen.length).toBe(requests);
});

test("a load whose time is up ends by itself: what is under way comes to its end", async () => {
  const iteration = 'http.get(__ENV.BASE_URL + "/slow/600");';
  const plan = planOf(scriptOf({ iteration, scenario: "preAllocatedVUs: 20" }));
  await using driver = await startK6(plan, () => undefined);
  const startAtMs = systemClock.nowMs();
  driver.begin(startAtMs);
  await waitFor(
    { what: "the end of the plan", withinMs: 5_000 },
    () => systemClock.nowMs() > startAtMs + 1_000,
  );
  await driver.stop();
  const journeys = linesOf(plan.historyFile).filter(({ kind }) => kind === "journey");
  expect(journeys.length).toBeGreaterThanOrEqual(20);
  expect(journeys.filter(({ completion }) => completion !== "ok")).toEqual([]);
});

test("a history that cannot be written fails the run, and k6 is gone", async () => {
  const plan = planOf(scriptOf({}), {
    durationMs: 60_000,
    historyFile: join(folder, "no", "such", "folder.jsonl"),
  });
  await using driver = await startK6(plan, () => undefined);
  driver.begin(systemClock.nowMs());
  await expect(driver.done).rejects.toMatchObject({ code: "SQUALL_FILE" });
  const requests = server.seen.length;
  await systemClock.sleep(300);
  expect(server.seen.length).toBe(requests);
});

/** A process of its own that starts k6 and waits. */
const parentSource = `
  import { startK6 } from ${JSON.stringify(new URL("k6-driver.ts", import.meta.url).href)};
  process.once("message", async (plan) => {
    const driver = await startK6(plan, () => {});
    driver.done.catch(() => {});
    driver.begin(performance.timeOrigin + performance.now());
  });`;

test.each(["the engine", "the process that runs k6"])("when %s is killed, k6 ends", async (killed) => {
  const file = join(folder, "parent.mjs");
  writeFileSync(file, parentSource);
  const plan = planOf(scriptOf({}), { durationMs: 60_000 });
  const parent = fork(file, { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  parent.send(plan);
  const hasHistory = (): boolean => existsSync(plan.historyFile) && linesOf(plan.historyFile).length > 0;
  await waitFor({ what: "the first lines of history", withinMs: 20_000 }, hasHistory);
  const runner = childOf(parent.pid as number);
  const k6 = childOf(runner);
  process.kill(killed === "the engine" ? (parent.pid as number) : runner, "SIGKILL");
  await waitFor({ what: "k6 to be gone", withinMs: 10_000 }, () => !isRunning(k6));
  parent.kill("SIGKILL");
  expect(hasHistory()).toBe(true);
});

function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return Number(child);
}

/** Gone, or waiting to be reaped by whoever inherited it. */
function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return false;
  return readFileSync(file, "utf8").split(") ").at(-1)?.startsWith("Z") !== true;
}
