import { expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { startClock } from "./start-clock.ts";

/** Runs a clock to its end; gives the counts it told, each with the time. */
async function runClock(timesMs: readonly number[]) {
  const told: { readonly count: number; readonly atMs: number }[] = [];
  using clock = startClock(timesMs, (count) => told.push({ count, atMs: systemClock.nowMs() }));
  await clock.done;
  return told;
}

for (const { gaps, gapMs } of [
  { gaps: "rare", gapMs: 7.3 },
  { gaps: "often", gapMs: 0.4 },
])
  it(`each of times that come ${gaps} is told once, in order, and never before it has come`, async () => {
    const zeroMs = systemClock.nowMs() + 5;
    const timesMs = Array.from({ length: 40 }, (_, index) => zeroMs + index * gapMs);
    const told = await runClock(timesMs);
    expect(told.at(-1)?.count).toBe(40);
    const counts = told.map(({ count }) => count);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    for (const { count, atMs } of told) expect(atMs).toBeGreaterThanOrEqual(timesMs[count - 1] as number);
  });

it("times that have passed are told at once, and no times are done at once", async () => {
  const nowMs = systemClock.nowMs();
  expect((await runClock([nowMs - 20, nowMs - 10])).map(({ count }) => count)).toEqual([2]);
  expect(await runClock([])).toEqual([]);
});

it("a clock that is disposed of tells nothing more", async () => {
  const told: number[] = [];
  const nowMs = systemClock.nowMs();
  const clock = startClock([nowMs - 1, nowMs + 30], (count) => told.push(count));
  clock[Symbol.dispose]();
  await runClock([nowMs + 60]);
  expect(told).toEqual([1]);
});

it("a mistake in what it calls rejects", async () => {
  const mistake = new TypeError("a mistake");
  const clock = startClock([systemClock.nowMs()], () => {
    throw mistake;
  });
  await expect(clock.done).rejects.toBe(mistake);
});
