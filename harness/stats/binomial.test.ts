import fc from "fast-check";
import { expect, test } from "vitest";
import { binomialQuantile, binomialTail } from "./binomial.ts";

test("four or more of twenty at 5 % come with a probability of 1.59 %, by hand", () => {
  expect(binomialTail(20, 0.05, 4)).toBeCloseTo(0.015901526, 9);
});

test("a tail is certain from 0 on and impossible beyond all trials", () => {
  expect(binomialTail(20, 0.05, 0)).toBe(1);
  expect(binomialTail(20, 0.05, 21)).toBe(0);
  expect(binomialTail(0, 0.05, 1)).toBe(0);
  expect(binomialTail(5, 1, 5)).toBe(1);
  expect(binomialTail(5, 0, 1)).toBe(0);
});

test("quantiles of ten coins are as in the table", () => {
  expect(binomialQuantile(10, 0.5, 0.05)).toBe(2);
  expect(binomialQuantile(10, 0.5, 0.95)).toBe(8);
});

test("100,000 trials neither underflow nor drift", () => {
  expect(binomialQuantile(100_000, 0.5, 0.5)).toBe(50_000);
  // Normal approximation: 95,000 + 1.6449 * sqrt(100,000 * 0.95 * 0.05) = 95,113.4.
  expect(Math.abs(binomialQuantile(100_000, 0.95, 0.95) - 95_113)).toBeLessThanOrEqual(1);
});

test("the quantile is the first count that reaches the probability", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (trials, p, probability) => {
        const k = binomialQuantile(trials, p, probability);
        expect(1 - binomialTail(trials, p, k + 1)).toBeGreaterThanOrEqual(probability - 1e-9);
        expect(1 - binomialTail(trials, p, k)).toBeLessThan(probability + 1e-9);
      },
    ),
  );
});
