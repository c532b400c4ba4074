import { expect, it } from "vitest";
import type { JourneyOutcome } from "../load/driver.ts";
import { watchGuards } from "./guard-watch.ts";

const guard = { kind: "abort-when", journey: "checkout", successBelowRatio: 0.5, forMs: 5_000 } as const;
const journeysOf = (name: string): ReadonlySet<string> => new Set([name]);

/** Ten journeys that ended in one second, `failed` of them not ok. */
const second = (atSecond: number, failed: number, journey = "checkout"): JourneyOutcome[] =>
  Array.from({ length: 10 }, (_, index) => ({
    journey,
    arrival: atSecond * 10 + index,
    completion: index < failed ? "fail" : "ok",
    intendedMs: atSecond * 1_000,
    endedMs: atSecond * 1_000 + 500,
  }));

/** Seconds after which the guard tripped, or undefined. */
function trippedAfter(failedBySecond: readonly number[], journey?: string): number | undefined {
  const watch = watchGuards([guard], journeysOf, 0);
  const index = failedBySecond.findIndex(
    (failed, atSecond) =>
      watch.observe(second(atSecond, failed, journey), (atSecond + 1) * 1_000) !== undefined,
  );
  return index === -1 ? undefined : index + 1;
}

it("trips once success has been below the ratio for as long as the guard says", () =>
  expect(trippedAfter([10, 10, 10, 10, 10, 10])).toBe(5));

it("does not trip on a burst that is over", () =>
  expect(trippedAfter([10, 10, 10, 0, 0, 0, 0, 0, 0, 0])).toBeUndefined());

it("does not trip on a system that succeeds as often as it must", () =>
  expect(trippedAfter(Array.from({ length: 60 }, () => 4))).toBeUndefined());

it("does not look at other journeys", () =>
  expect(trippedAfter([10, 10, 10, 10, 10, 10], "browse")).toBeUndefined());

it("says which guard and on what numbers", () => {
  const watch = watchGuards([guard], journeysOf, 0);
  for (let atSecond = 0; atSecond < 4; atSecond += 1)
    watch.observe(second(atSecond, 9), (atSecond + 1) * 1_000);
  expect(watch.observe(second(4, 9), 5_000)).toEqual({
    guard: "abort when checkout success is below 50 % for 5 s",
    detail: "5 of 50 succeeded in the last 5 s",
  });
});
