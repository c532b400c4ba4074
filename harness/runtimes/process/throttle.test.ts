import fc from "fast-check";
import { expect, test } from "vitest";
import { virtualClock } from "../../base/virtual-clock.ts";
import { throttle, type ThrottleFigures } from "./throttle.ts";

/** A process that wants so many processors whenever it is not held, on a machine whose clock nobody waits for. */
async function watched(wantedProcessors: number, processors: number, lengthMs: number) {
  const clock = virtualClock(0);
  let usedMs = 0;
  let lastMs = clock.nowMs();
  let isHeld = false;
  const settle = (): number => {
    if (!isHeld) usedMs += (clock.nowMs() - lastMs) * wantedProcessors;
    lastMs = clock.nowMs();
    return usedMs;
  };
  const over = new AbortController();
  let figures: ThrottleFigures = { watchedMs: 0, heldMs: 0, holds: 0, usedMs: 0 };
  const process = {
    usedMs: () => Math.floor(settle() / 10) * 10, // as Linux tells it
    hold: () => void (settle(), (isHeld = true)),
    resume: () => void (settle(), (isHeld = false)),
  };
  const throttling = throttle(process, processors, clock, over.signal, (told) => (figures = told));
  await clock.sleep(lengthMs);
  over.abort();
  await throttling;
  return { share: settle() / lengthMs, isHeld, figures };
}

test("whatever a process wants, it gets its share of the time, or what it wants where that is less", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0.05, max: 4, noNaN: true }),
      fc.double({ min: 0.05, max: 2, noNaN: true }),
      async (wanted, left) => {
        const { share, isHeld } = await watched(wanted, left, 20_000);
        const due = Math.min(wanted, left);
        expect(share).toBeGreaterThan(due * 0.97 - 0.01);
        expect(share).toBeLessThan(due * 1.03 + 0.01);
        expect(isHeld).toBe(false);
      },
    ),
    { numRuns: 30 },
  );
});

test("a process that wants less than it is left is never held", async () => {
  expect((await watched(0.1, 0.2, 5_000)).figures).toMatchObject({ holds: 0, heldMs: 0 });
});

test("one that wants more is held, and its figures say for how long", async () => {
  const { figures } = await watched(1, 0.25, 10_000);
  expect(figures.holds).toBeGreaterThan(20);
  expect(figures.heldMs / figures.watchedMs).toBeCloseTo(0.75, 1);
});
