import { performance } from "node:perf_hooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { waitFor } from "../base/wait.ts";
import { createStartClock, type StartClock } from "./start-clock.ts";

let clock: StartClock;

beforeAll(() => {
  clock = createStartClock();
});
afterAll(() => clock[Symbol.dispose]());

const itself = (timeMs: number): number => timeMs;

/** Runs a schedule to its end; gives what it told, each with the time. */
async function run(timesMs: Iterable<number>) {
  const told: { readonly timeMs: number; readonly atMs: number }[] = [];
  using schedule = clock.schedule(timesMs, itself, (timeMs) => {
    told.push({ timeMs, atMs: systemClock.nowMs() });
  });
  await schedule.done;
  return { told, come: schedule.come };
}

function timesFrom(zeroMs: number, count: number, gapMs: number): number[] {
  return Array.from({ length: count }, (_, index) => zeroMs + index * gapMs);
}

for (const { gaps, gapMs, count } of [
  { gaps: "rare", gapMs: 7.3, count: 40 },
  { gaps: "often", gapMs: 0.4, count: 500 },
  { gaps: "by the thousand at once", gapMs: 0.0001, count: 20_000 },
])
  it(`each of times that come ${gaps} is told once, in order, and never before it has come`, async () => {
    const timesMs = timesFrom(systemClock.nowMs() + 5, count, gapMs);
    const { told, come } = await run(timesMs);
    expect(told.map(({ timeMs }) => timeMs)).toEqual(timesMs);
    expect(told.filter(({ timeMs, atMs }) => atMs < timeMs)).toEqual([]);
    expect(come).toBe(count);
  });

it("times are taken as they are needed, not all at the beginning", async () => {
  const zeroMs = systemClock.nowMs();
  let taken = 0;
  function* endless() {
    for (; ; taken += 1) yield zeroMs + taken;
  }
  const told: number[] = [];
  using schedule = clock.schedule(endless(), itself, (timeMs) => told.push(timeMs));
  await waitFor({ what: "some times", withinMs: 5_000 }, () => told.length > 20);
  expect(taken).toBeLessThan(10_000);
  expect(schedule.come).toBeGreaterThan(20);
});

it("while many times have passed at once, the event loop turns between them", async () => {
  const turnsBefore = performance.nodeTiming.uvMetricsInfo.loopCount;
  const { told } = await run(timesFrom(systemClock.nowMs() - 1_000, 2_000, 0.01));
  expect(told).toHaveLength(2_000);
  expect(performance.nodeTiming.uvMetricsInfo.loopCount - turnsBefore).toBeGreaterThan(10);
});

it("times that have passed are told, and no times are done at once", async () => {
  const nowMs = systemClock.nowMs();
  expect((await run([nowMs - 20, nowMs - 10])).told).toHaveLength(2);
  expect(await run([])).toEqual({ told: [], come: 0 });
});

it("a schedule that is disposed of tells nothing more, and the next one is told its own", async () => {
  const told: number[] = [];
  const nowMs = systemClock.nowMs();
  const schedule = clock.schedule(timesFrom(nowMs - 1, 100, 30), itself, (timeMs) => told.push(timeMs));
  await waitFor({ what: "the first time", withinMs: 5_000 }, () => told.length > 0);
  schedule[Symbol.dispose]();
  const { length } = told;
  const next = timesFrom(systemClock.nowMs() + 50, 3, 10);
  expect((await run(next)).told.map(({ timeMs }) => timeMs)).toEqual(next);
  expect(told).toHaveLength(length);
});

it("a mistake in what it calls rejects, and ends the schedule", async () => {
  const mistake = new TypeError("a mistake");
  let calls = 0;
  using schedule = clock.schedule(timesFrom(systemClock.nowMs(), 3, 1), itself, () => {
    calls += 1;
    throw mistake;
  });
  await expect(schedule.done).rejects.toBe(mistake);
  await run([systemClock.nowMs() + 20]);
  expect(calls).toBe(1);
});
