import { expect, it } from "vitest";
import { answerTimes } from "./answer-delays.ts";

const times = (medianMs: number, seed: string): number[] => {
  const next = answerTimes(medianMs, seed);
  return Array.from({ length: 10_001 }, next);
};

it("answer times are the same for the same seed, and others for another", () => {
  expect(times(25, "a")).toEqual(times(25, "a"));
  expect(times(25, "a")).not.toEqual(times(25, "b"));
});

it("answer times have the median that was asked for, a tail to the right, and a bound", () => {
  const sorted = times(25, "median").sort((a, b) => a - b);
  // The standard error of the median of 10,001 is 1.25 · 0.5 / 100 of it.
  expect(sorted[5_000]).toBeCloseTo(25, 0);
  // exp(0.5 · 2.326) = 3.2 times the median.
  expect(sorted[9_900]).toBeGreaterThan(70);
  expect(sorted[9_900]).toBeLessThan(90);
  expect(Math.max(...times(200, "bound"))).toBe(400);
  expect(times(0, "none").every((timeMs) => timeMs === 0)).toBe(true);
});
