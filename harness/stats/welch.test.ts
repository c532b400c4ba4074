import { expect, it, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { meanDifference, studentQuantile95 } from "./welch.ts";

it.each([
  [4, 2.1318],
  [5, 2.015],
  [8, 1.8595],
  [10, 1.8125],
  [30, 1.6973],
  [1e6, 1.6449],
])("Student's t with %d degrees of freedom has 95 %% below %f", (degrees, tabled) => {
  expect(Math.abs(studentQuantile95(degrees) - tabled)).toBeLessThan(0.001);
});

test("the interval by hand", () => {
  // Means 3 and 6, variances 2.5 and 10, errors 0.5 and 2: 2.5 ** 2 / (0.5 ** 2 / 4 + 2 ** 2 / 4) = 5.882 degrees.
  const { difference, lower, upper } = meanDifference([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]);
  expect(difference).toBe(3);
  const half = studentQuantile95(6.25 / 1.0625) * Math.sqrt(2.5);
  expect(lower).toBeCloseTo(3 - half, 10);
  expect(upper).toBeCloseTo(3 + half, 10);
  expect(half).toBeCloseTo(1.9505 * 1.5811, 2);
});

test("samples that do not vary have no interval, and too few are refused", () => {
  const same = [1, 1, 1, 1, 1];
  expect(meanDifference(same, same)).toEqual({ difference: 0, lower: 0, upper: 0 });
  expect(() => meanDifference(same, same.slice(1))).toThrow(RangeError);
});

test("each bound misses the true difference in about 5 % of samples", () => {
  const random = createRandom("welch coverage");
  const normal = (spread: number): number =>
    spread * Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const rounds = 4_000;
  let below = 0;
  let above = 0;
  for (let round = 0; round < rounds; round += 1) {
    const first = Array.from({ length: 5 }, () => normal(1));
    const second = Array.from({ length: 8 }, () => normal(3));
    const { lower, upper } = meanDifference(first, second);
    if (lower > 0) above += 1;
    if (upper < 0) below += 1;
  }
  // Four standard errors of a 5 % share of 4,000 are 1.4 %.
  expect(Math.abs(above / rounds - 0.05)).toBeLessThan(0.014);
  expect(Math.abs(below / rounds - 0.05)).toBeLessThan(0.014);
});
