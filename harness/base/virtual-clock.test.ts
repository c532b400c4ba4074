import { expect, test } from "vitest";
import { virtualClock } from "./virtual-clock.ts";

test("whoever sleeps wakes in the order of their times, at those times, and an hour takes none", async () => {
  const clock = virtualClock(1_000);
  const woken: [string, number][] = [];
  const sleep = async (name: string, ...durationsMs: readonly number[]): Promise<void> => {
    for (const durationMs of durationsMs) {
      await clock.sleep(durationMs);
      woken.push([name, clock.nowMs()]);
    }
  };
  const startedMs = performance.now();
  await Promise.all([sleep("a", 3_600_000), sleep("b", 20, 20), sleep("c", 30)]);
  expect(woken).toEqual([
    ["b", 1_020],
    ["c", 1_030],
    ["b", 1_040],
    ["a", 3_601_000],
  ]);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
});

test("a sleep that is aborted ends at once with the reason, and time does not move for it", async () => {
  const clock = virtualClock(0);
  const gone = new AbortController();
  const asleep = clock.sleep(5_000, gone.signal);
  await clock.sleep(10);
  gone.abort(new Error("enough"));
  await expect(asleep).rejects.toThrow("enough");
  await expect(clock.sleep(1, gone.signal)).rejects.toThrow("enough");
  await clock.sleep(1);
  expect(clock.nowMs()).toBe(11);
});

test("what has waited for others goes on before time does", async () => {
  const clock = virtualClock(0);
  const late = clock.sleep(100);
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  expect(clock.nowMs()).toBe(0);
  await late;
  expect(clock.nowMs()).toBe(100);
});
