import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { waitFor } from "../base/wait.ts";
import { quantile } from "../stats/quantile.ts";
import { arrivalsOf } from "./drive.ts";
import { startDriver, type LoadPlan } from "./driver.ts";
import { linesOf, planOf as testPlan, poisson } from "./fixtures/plans.ts";
import {
  startRecordingServer,
  type RecordedRequest,
  type RecordingServer,
} from "./fixtures/recording-server.ts";

/** The whole driver, against a server that keeps each request as the bytes it came in. */
const folder = mkdtempSync(join(tmpdir(), "squall-repeat-"));
let server: RecordingServer;

beforeAll(async () => {
  server = await startRecordingServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function planOf(changes: Partial<LoadPlan>): LoadPlan {
  return testPlan(server, {
    mix: { ok: 2, keyed: 1 },
    arrivals: poisson(150, 400),
    run: "0123456789ab",
    maxConnections: 256,
    timeoutMs: 10_000,
    ...changes,
  });
}

/** Drives a plan to its end; gives each request by its arrival and step, and the times that were intended. */
async function drive(plan: LoadPlan) {
  const before = server.requests.length;
  await using driver = await startDriver(plan, () => undefined);
  // Whole, so that what is added to it is rounded alike in every run.
  const startAtMs = Math.ceil(systemClock.nowMs() + 100);
  driver.begin(startAtMs);
  const result = await driver.done;
  const lines = linesOf(plan.historyFile);
  const byTrace = new Map(server.requests.slice(before).map((request) => [traceOf(request), request]));
  expect(byTrace.size).toBe(server.requests.length - before);
  const operations = lines.operations.toSorted(
    (one, other) => one.arrival - other.arrival || one.intendedMs - other.intendedMs,
  );
  const journeys = lines.journeys.toSorted((one, other) => one.arrival - other.arrival);
  return {
    result,
    operations,
    journeys,
    startAtMs,
    requests: operations.map(({ traceId }) => byTrace.get(traceId ?? "")),
    offsetsMs: journeys.map(({ intendedMs }) => intendedMs - startAtMs),
  };
}

function traceOf({ bytes }: RecordedRequest): string {
  return /\r\ntraceparent: *00-([0-9a-f]{32})-/i.exec(bytes)?.[1] ?? "";
}

describe("a load that is repeated", () => {
  type Driven = Awaited<ReturnType<typeof drive>>;
  const bytesOf = ({ requests }: Driven) => requests.map((one) => one?.bytes);
  let first: Driven;
  let firstPlan: LoadPlan;

  beforeAll(async () => {
    firstPlan = planOf({});
    first = await drive(firstPlan);
    expect(first.requests.length).toBeGreaterThan(50);
    expect(bytesOf(first)).not.toContain(undefined);
  });

  it("sends the same requests at the same times, byte for byte", async () => {
    const again = await drive(planOf({}));
    expect(bytesOf(again)).toEqual(bytesOf(first));
    expect(again.offsetsMs).toEqual(first.offsetsMs);
    expect(first.offsetsMs).toEqual(
      [...arrivalsOf(firstPlan)].map(({ atMs }) => expect.closeTo(atMs, 2) as number),
    );
  });

  it("as another run differs in trace ids and keys, and in nothing else", async () => {
    const other = await drive(planOf({ run: "ba9876543210" }));
    const withoutRun = (bytes: string | undefined) => bytes?.replaceAll(/0123456789ab|ba9876543210/g, "run");
    expect(bytesOf(other)).not.toEqual(bytesOf(first));
    expect(bytesOf(other).map(withoutRun)).toEqual(bytesOf(first).map(withoutRun));
    const traces = [...first.requests, ...other.requests].map((one) => one && traceOf(one));
    expect(new Set(traces).size).toBe(traces.length);
  });

  it("with another seed comes at other times, and without a run of its own is given one", async () => {
    const { run: _run, ...plan } = planOf({ seed: "other" });
    const other = await drive(plan);
    expect(other.offsetsMs).not.toEqual(first.offsetsMs);
    expect(other.operations[0]?.traceId).toMatch(/^(?!0123456789ab)[0-9a-f]{32}$/);
  });

  it("from its own history comes again as it came, and once more from its beginning", async () => {
    const arrivals = { kind: "replay", file: firstPlan.historyFile, durationMs: 600 } as const;
    const again = await drive(planOf({ arrivals }));
    expect(again.journeys.map(({ journey }) => journey).slice(0, first.journeys.length)).toEqual(
      first.journeys.map(({ journey }) => journey),
    );
    const [fromMs = 0] = first.offsetsMs;
    for (const [index, offsetMs] of first.offsetsMs.entries())
      expect(again.offsetsMs[index]).toBeCloseTo(offsetMs - fromMs, 2);
    expect(again.journeys.length).toBeGreaterThan(first.journeys.length);
  });
});

it("recorded arrivals that are none are refused before anything starts", async () => {
  const arrivals = { kind: "replay", file: join(folder, "none.csv"), durationMs: 100 } as const;
  await expect(startDriver(planOf({ arrivals }), () => undefined)).rejects.toMatchObject({
    code: "SQUALL_FILE",
  });
});

it("when the server stalls nothing collapses, and the 99th percentile is what a stop-watch at the intended times gives", async () => {
  const stallMs = 500;
  const plan = planOf({
    mix: { ok: 1 },
    arrivals: { kind: "constant", ratePerSecond: 500, durationMs: 1_500 },
  });
  const before = server.requests.length;
  const stalled = waitFor({ what: "half the requests", withinMs: 20_000, everyMs: 1 }, () => {
    return server.requests.length - before > 250;
  }).then(() => {
    server.stall = systemClock.sleep(stallMs);
  });
  const { result, operations, requests, startAtMs } = await drive(plan);
  await stalled;
  expect(result).toMatchObject({ intended: 750, started: 750 });
  expect(operations.filter(({ completion }) => completion !== "ok")).toEqual([]);
  // The stop-watch knows the plan and the server, and nothing that the driver wrote.
  const intendedMs = [...arrivalsOf(plan)].map(({ atMs }) => startAtMs + atMs);
  const watched = requests.map((one, arrival) => (one?.answeredMs ?? NaN) - (intendedMs[arrival] ?? NaN));
  const reported = operations.map((line) => line.endedMs - line.intendedMs);
  for (const share of [0.5, 0.9, 0.99]) {
    const watchedMs = quantile(watched, share);
    // The two processes' clocks agree to that.
    expect(quantile(reported, share)).toBeGreaterThan(watchedMs - 5);
    // Answers that come all at once are read one after the other, on a busy machine not at once.
    expect(quantile(reported, share)).toBeLessThan(watchedMs + stallMs);
  }
  expect(quantile(reported, 0.99)).toBeGreaterThan(0.8 * stallMs);
  // Those that were intended during the stall waited for all that was left of it, also where no connection was free.
  const waited = reported.filter((latencyMs) => latencyMs > 0.2 * stallMs);
  expect(waited.length).toBeGreaterThan(0.7 * 500 * (stallMs / 1_000));
});
