import fc from "fast-check";
import { expect, test } from "vitest";
import { wilsonInterval } from "./wilson.ts";

test("8 of 10 is between 54.08 % and 93.14 %, by hand", () => {
  // z = 1.6449, z^2 = 2.7057: centre (0.8 + 0.13529) / 1.27057, half 1.6449 * sqrt(0.016 + 0.0067643) / 1.27057.
  const { lower, upper } = wilsonInterval(8, 10);
  expect(lower).toBeCloseTo(0.540785, 6);
  expect(upper).toBeCloseTo(0.931444, 6);
});

test("no failure in n leaves room for about 3/n", () => {
  const { lower, upper } = wilsonInterval(1_000, 1_000);
  expect(upper).toBe(1);
  expect(1 - lower).toBeGreaterThan(2.5 / 1_000);
  expect(1 - lower).toBeLessThan(3 / 1_000);
});

test("without observations every ratio is possible", () => {
  expect(wilsonInterval(0, 0)).toEqual({ lower: 0, upper: 1 });
});

test("the interval holds the ratio, is symmetric and narrows with more of the same", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (total, share) => {
        const ok = Math.floor(share * total);
        const { lower, upper } = wilsonInterval(ok, total);
        expect(lower).toBeLessThanOrEqual(ok / total);
        expect(upper).toBeGreaterThanOrEqual(ok / total);
        const mirrored = wilsonInterval(total - ok, total);
        expect(mirrored.lower).toBeCloseTo(1 - upper, 9);
        const more = wilsonInterval(ok * 4, total * 4);
        expect(more.upper - more.lower).toBeLessThan(upper - lower);
      },
    ),
  );
});
