import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { waitFor } from "../base/wait.ts";
import type { JourneyLine, OperationLine } from "../record/history.ts";
import { startDriver, type LoadPlan, type LoadProgress, type LoadResult } from "./driver.ts";
import { linesOf, planOf as testPlan, poisson, type Lines } from "./fixtures/plans.ts";
import { startScriptedServer, type ScriptedServer } from "./fixtures/scripted-server.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-driver-"));
let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const planOf = (changes: Partial<LoadPlan>): LoadPlan => testPlan(server, { timeoutMs: 500, ...changes });

interface Driven extends Lines {
  readonly result: LoadResult;
  readonly progress: readonly LoadProgress[];
  readonly startAtMs: number;
}

async function driveToEnd(changes: Partial<LoadPlan>): Promise<Driven> {
  const plan = planOf(changes);
  const progress: LoadProgress[] = [];
  await using driver = await startDriver(plan, (next) => progress.push(next));
  const startAtMs = systemClock.nowMs() + 100;
  driver.begin(startAtMs);
  const result = await driver.done;
  return { result, progress, startAtMs, ...linesOf(plan.historyFile) };
}

describe("what becomes of a journey is told by its line", () => {
  const endings: Readonly<Record<string, Partial<JourneyLine>>> = {
    ok: { completion: "ok", operations: 1 },
    slow: { completion: "ok" },
    unavailable: { completion: "fail", error: { kind: "http-503", message: "scripted-503" } },
    never: {
      completion: "unknown",
      error: { kind: "timeout", message: "no whole answer within 1500 ms" },
    },
    reset: { completion: "unknown", error: { kind: "reset", message: any() } },
    cut: { completion: "unknown", error: { kind: "reset", message: any() } },
    "three-steps": { completion: "fail", error: { kind: "http-404", message: any() }, operations: 3 },
    garbage: { completion: "unknown", error: { kind: "check", message: any() } },
    checked: { completion: "fail", error: { kind: "check", message: "the moon is full" }, operations: 1 },
    mistaken: {
      completion: "fail",
      error: { kind: "journey-error", message: "a mistake in the journey" },
      operations: 1,
    },
    "mistaken-told": { completion: "fail", error: { kind: "journey-error", message: any() }, operations: 1 },
    malformed: { completion: "fail", error: { kind: "journey-error", message: any() }, operations: 0 },
    pensive: { completion: "fail", error: { kind: "not-sent", message: any() }, operations: 1 },
    endless: { completion: "fail", error: { kind: "not-sent", message: any() }, operations: 0 },
    "throws-a-text": { completion: "fail", error: { kind: "journey-error", message: "out of sorts" } },
    "throws-nothing": { completion: "fail", error: { kind: "journey-error", message: "undefined" } },
    "not-awaited": { completion: "fail", error: { kind: "http-503", message: any() }, operations: 2 },
    "helper-not-awaited": { completion: "ok", operations: 1 },
    contents: { completion: "ok", operations: 4 },
  };
  let driven: Driven;

  beforeAll(async () => {
    server = await startScriptedServer();
    driven = await driveToEnd({
      mix: Object.fromEntries(Object.keys(endings).map((name) => [name, 1])),
      arrivals: poisson(150, 1_000),
      timeoutMs: 1_500, // a busy machine keeps nobody waiting for so long
    });
    await server[Symbol.asyncDispose]();
  });

  it.each(Object.entries(endings))("%s", (name, expected) => {
    const ofName = driven.journeys.filter(({ journey }) => journey === name);
    expect(ofName.length).toBeGreaterThan(1);
    for (const line of ofName) {
      expect(line).toMatchObject(expected);
      expect(driven.operations.filter(({ arrival }) => arrival === line.arrival)).toHaveLength(
        line.operations,
      );
    }
  });

  it("an error that no journey awaited is told of the load as a whole, and does not end it", () => {
    const { journeys, result } = driven;
    const count = journeys.filter(({ journey }) => journey === "helper-not-awaited").length;
    expect(result.stray).toEqual([{ message: "nobody listens", count }]);
  });

  it("every arrival has one line, and was told as progress", () => {
    const { journeys, result, progress } = driven;
    expect(result).toMatchObject({ intended: journeys.length, started: journeys.length });
    const arrivals = journeys.map(({ arrival }) => arrival);
    expect(arrivals.toSorted((a, b) => a - b)).toEqual(journeys.map((_, index) => index));
    expect(progress.flatMap(({ ended }) => ended)).toEqual(
      journeys.map(({ journey, arrival, completion, intendedMs, endedMs, error }) => ({
        journey,
        arrival,
        completion,
        intendedMs,
        endedMs,
        ...(error === undefined ? {} : { errorKind: error.kind }),
      })),
    );
  });
});

it("each step is intended when the one before it ended, and a pause later where the journey thinks", async () => {
  const { journeys, operations } = await driveToEnd({
    mix: { "three-steps": 1 },
    arrivals: poisson(50, 100),
  });
  for (const journey of journeys) {
    const steps = operations.filter(({ arrival }) => arrival === journey.arrival);
    expect(steps.map(({ step, route, status }) => [step, route, status])).toEqual([
      ["first", "/slow/30", 200],
      ["second", "/ok", 200],
      ["third", "/status/404", 404],
    ]);
    const [first, second, third] = steps as [OperationLine, OperationLine, OperationLine];
    expect(first.intendedMs).toBe(journey.intendedMs);
    expect(second.intendedMs).toBeLessThanOrEqual(first.endedMs + 50);
    expect(second.intendedMs).toBeGreaterThan(first.endedMs + 48);
    expect(second.sentMs).toBeGreaterThan(first.endedMs + 48);
    expect(third.intendedMs).toBe(second.endedMs);
    expect(journey).toMatchObject({ sentMs: first.sentMs, traceId: third.traceId });
    expect(journey.endedMs).toBeGreaterThanOrEqual(third.endedMs);
  }
});

it("each request carries a trace of its own and says which journey it is of", async () => {
  const { operations } = await driveToEnd({});
  const traceOf = ({ headers }: ScriptedServer["seen"][number]) =>
    /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(String(headers["traceparent"]))?.[1];
  expect(server.seen.map(traceOf).sort()).toEqual(operations.map(({ traceId }) => traceId).sort());
  expect(new Set(operations.map(({ traceId }) => traceId)).size).toBe(operations.length);
  for (const { headers } of server.seen) expect(headers["baggage"]).toBe("squall.journey=ok");
});

it("what a client was told is kept, of a refused order too, and nothing of what it said", async () => {
  const { operations } = await driveToEnd({ mix: { order: 1, declined: 1 } });
  for (const { journey, told, completion } of operations) {
    expect(told).toEqual({ orderId: "o-1" });
    expect(completion).toBe(journey === "order" ? "ok" : "fail");
  }
  expect(new Set(operations.map(({ journey }) => journey)).size).toBe(2);
  expect(JSON.stringify(operations)).not.toMatch(/secret|private/);
  expect(server.seen.some(({ body }) => body === '{"password":"secret"}')).toBe(true);
});

it("journeys share what one of them made, and the next run starts anew", async () => {
  for (let run = 0; run < 2; run += 1) {
    const before = server.seen.length;
    await driveToEnd({ mix: { counted: 1 } });
    const counts = server.seen.slice(before).map(({ url }) => Number(url.split("=")[1]));
    expect(counts.sort((a, b) => a - b)).toEqual(counts.map((_, index) => index + 1));
  }
});

it("the same seed intends the same journeys at the same times with the same requests; another seed does not", async () => {
  const shape = async (seed: string) => {
    const before = server.seen.length;
    const { journeys, startAtMs } = await driveToEnd({ seed, mix: { ok: 2, counted: 1 } });
    const offsets = journeys
      .toSorted((a, b) => a.arrival - b.arrival)
      .map(({ journey, intendedMs }) => [journey, (intendedMs - startAtMs).toFixed(3)]);
    const draws = server.seen.slice(before).map(({ url }) => url);
    return { offsets, draws: draws.filter((url) => url.includes("draw")).sort() };
  };
  const first = await shape("a");
  expect(first.draws.length).toBeGreaterThan(3);
  expect(await shape("a")).toEqual(first);
  const other = await shape("b");
  expect(other.offsets).not.toEqual(first.offsets);
  expect(other.draws).not.toEqual(first.draws);
});

it("while the server stalls journeys go on starting, and their latency counts from when they were intended", async () => {
  let go = (): void => undefined;
  server.stall = new Promise((resolve) => (go = resolve));
  const stalledMs = 2_000;
  const { result, journeys, operations, startAtMs } = await (async () => {
    const driving = driveToEnd({
      arrivals: poisson(20, stalledMs),
      timeoutMs: 10_000,
      maxConnections: 10,
    });
    await waitFor({ what: "the first requests", withinMs: 5_000 }, () => server.seen.length > 0);
    await systemClock.sleep(stalledMs); // the stall itself, not a wait for something
    go();
    return driving;
  })();
  expect(result.started).toBe(result.intended);
  expect(journeys.every(({ completion }) => completion === "ok")).toBe(true);
  // Ten held the connections from the first half second on; all others were intended while it stalled, and waited.
  const early = operations.filter(({ intendedMs }) => intendedMs < startAtMs + 1_500);
  expect(early.length).toBeGreaterThan(15);
  for (const { intendedMs, endedMs } of early) expect(endedMs - intendedMs).toBeGreaterThan(400);
  const waited = operations.filter(({ sentMs = 0, intendedMs }) => sentMs - intendedMs > 400);
  expect(waited.length).toBeGreaterThan(5);
  expect(result.health.lateP99Ms).toBeLessThan(stalledMs / 2);
});

it("arrivals that find the queue full are on record as not sent", async () => {
  const { result, journeys, operations } = await driveToEnd({
    mix: { never: 1 },
    maxConnections: 1,
    arrivals: poisson(100, 400),
    timeoutMs: 1_000,
  });
  const notSent = journeys.filter(({ error }) => error?.kind === "not-sent");
  expect(journeys).toHaveLength(result.intended);
  // One has the connection, four wait behind it, and some of those may get it for a moment at the end.
  expect(notSent.length).toBeGreaterThanOrEqual(result.intended - 5);
  expect(notSent.length).toBeLessThan(result.intended);
  for (const line of [...notSent, ...operations.filter(({ error }) => error?.kind === "not-sent")]) {
    expect(line.completion).toBe("fail");
    expect(line).not.toHaveProperty("sentMs");
  }
  expect(operations).toHaveLength(journeys.length);
});

it("progress is told while it goes, and adds up", async () => {
  const { progress, journeys } = await driveToEnd({ arrivals: poisson(50, 1_000) });
  expect(progress.length).toBeGreaterThanOrEqual(4);
  const started = progress.map((line) => line.started);
  expect(started).toEqual(started.toSorted((a, b) => a - b));
  expect(started[1]).toBeLessThan(journeys.length);
  expect(progress.at(-1)).toMatchObject({ started: journeys.length, intended: journeys.length, underWay: 0 });
});

it("a stop ends the arrivals, and journeys under way end by themselves", async () => {
  const plan = planOf({ mix: { slow: 1 }, arrivals: poisson(50, 60_000) });
  await using driver = await startDriver(plan, () => undefined);
  driver.begin(systemClock.nowMs());
  await waitFor({ what: "some requests", withinMs: 5_000 }, () => server.seen.length > 5);
  const result = await driver.stop();
  const { journeys } = linesOf(plan.historyFile);
  expect(journeys).toHaveLength(result.started);
  expect(result.intended).toBeLessThan(60);
  expect(journeys.every(({ completion }) => completion === "ok")).toBe(true);
});

it("a driver that was never begun stops without having started anything", async () => {
  await using driver = await startDriver(planOf({}), () => undefined);
  expect(await driver.stop()).toMatchObject({ intended: 0, started: 0, health: { lateP99Ms: 0 } });
});

it("letting go of a driver ends it at once, with what was under way on record", async () => {
  const plan = planOf({ mix: { never: 1 }, arrivals: poisson(50, 60_000), timeoutMs: 60_000 });
  {
    await using driver = await startDriver(plan, () => undefined);
    driver.begin(systemClock.nowMs());
    await waitFor({ what: "some requests", withinMs: 5_000 }, () => server.seen.length > 5);
  }
  const { journeys } = linesOf(plan.historyFile);
  expect(journeys.length).toBeGreaterThan(5);
  for (const line of journeys) expect(["timeout", "not-sent", "refused"]).toContain(line.error?.kind);
});

it("a signal ends a driver that runs, and one that is not wanted any more does not start", async () => {
  const abort = new AbortController();
  await using driver = await startDriver(
    planOf({ arrivals: poisson(50, 60_000) }),
    () => undefined,
    abort.signal,
  );
  driver.begin(systemClock.nowMs());
  abort.abort(new Error("enough"));
  await expect(driver.done).rejects.toThrow("enough");
  await expect(startDriver(planOf({}), () => undefined, abort.signal)).rejects.toThrow("enough");
});

it("a module that is not there, or lacks a journey of the mix, is refused before anything starts", async () => {
  await expect(
    startDriver(planOf({ journeysModule: join(folder, "none.ts") }), () => undefined),
  ).rejects.toMatchObject({ code: "SQUALL_FILE" });
  await expect(startDriver(planOf({ mix: { ok: 1, dance: 1 } }), () => undefined)).rejects.toMatchObject({
    code: "SQUALL_PREFLIGHT",
    message: expect.stringContaining('unknown journey "dance", expected one of ok, ') as string,
  });
});

it("a module that ends the process is told with what it said", async () => {
  const journeysModule = join(folder, "dies.mjs");
  writeFileSync(journeysModule, 'console.error("out of patience"); process.exit(3);');
  await expect(startDriver(planOf({ journeysModule }), () => undefined)).rejects.toThrow(
    /ended early \(exit code 3\) out of patience/,
  );
});

it("a history that cannot be written fails the run", async () => {
  const plan = planOf({
    historyFile: join(folder, "no", "such", "folder.jsonl"),
    arrivals: poisson(50, 60_000),
  });
  await using driver = await startDriver(plan, () => undefined);
  driver.begin(systemClock.nowMs());
  await expect(driver.done).rejects.toMatchObject({ code: "SQUALL_FILE" });
});

function any(): string {
  return expect.any(String) as string;
}
