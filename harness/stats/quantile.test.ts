import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { minimumSamples, quantile, quantileInterval } from "./quantile.ts";

const oneToTen = [7, 1, 10, 4, 2, 9, 3, 8, 5, 6];

test("a quantile is the sample at its nearest rank, by hand", () => {
  expect(quantile(oneToTen, 0.5)).toBe(5);
  expect(quantile(oneToTen, 0.51)).toBe(6);
  expect(quantile(oneToTen, 0.95)).toBe(10);
  expect(quantile(oneToTen, 1)).toBe(10);
  expect(quantile(oneToTen, 0)).toBe(1);
  expect(quantile([3], 0.99)).toBe(3);
});

test("a rank that rounding pushed over a whole number is not the next one", () => {
  const samples = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(0.07 * 100).toBeGreaterThan(7);
  expect(quantile(samples, 0.07)).toBe(7);
});

test("samples keep their order", () => {
  const samples = [3, 1, 2];
  quantile(samples, 0.5);
  expect(samples).toEqual([3, 1, 2]);
});

test("there is no quantile of nothing", () => {
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});

test("at least a share q of the samples is at or below the quantile, and fewer below it", () => {
  const samples = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 100 }), (values, percent) => {
      const value = quantile(values, percent / 100);
      const needed = (percent * values.length) / 100 - 1e-6;
      expect(values).toContain(value);
      expect(values.filter((sample) => sample <= value).length).toBeGreaterThanOrEqual(needed);
      expect(values.filter((sample) => sample < value).length).toBeLessThan(needed + 1e-5);
    }),
  );
});

test("the median of ten samples is bounded by the second and the ninth, by hand", () => {
  // B(10, 1/2): P(B <= 1) = 11/1024 < 5 % < 56/1024 = P(B <= 2), and the same from above.
  expect(quantileInterval(oneToTen, 0.5)).toEqual({ lower: 2, upper: 9 });
});

test("a quantile that few samples cannot bound has an infinite bound", () => {
  expect(quantileInterval(oneToTen, 0.99)).toEqual({ lower: 9, upper: Number.POSITIVE_INFINITY });
  expect(quantileInterval([], 0.5)).toEqual({
    lower: Number.NEGATIVE_INFINITY,
    upper: Number.POSITIVE_INFINITY,
  });
});

test("each bound misses the true quantile in at most 5 % of samples", () => {
  const random = createRandom("quantile coverage");
  const trueP95 = -Math.log(0.05);
  let below = 0;
  let above = 0;
  const rounds = 2_000;
  for (let round = 0; round < rounds; round += 1) {
    const samples = Array.from({ length: 200 }, () => random.exponential(1));
    const { lower, upper } = quantileInterval(samples, 0.95);
    if (lower > trueP95) above += 1;
    if (upper < trueP95) below += 1;
  }
  // Four standard errors of a 5 % share of 2,000 are 2 %.
  expect(above / rounds).toBeLessThan(0.07);
  expect(below / rounds).toBeLessThan(0.07);
  expect(above + below).toBeGreaterThan(0);
});

test.each([
  [0.5, 20],
  [0.95, 200],
  [0.99, 1_000],
  [0.999, 10_000],
])("the %f quantile needs %i samples", (q, needed) => {
  expect(minimumSamples(q)).toBe(needed);
});
