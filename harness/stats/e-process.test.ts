import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { createGuardTest } from "./e-process.ts";

test("one success and two failures against one half are 11/12 of evidence, by hand", () => {
  // Integral of p (1 - p)^2 over (0, 1/2) is 11/192; over the interval's length 1/2 and the null's 1/8: 11/12.
  const guard = createGuardTest({ nullSuccessRatio: 0.5 });
  guard.observe(true);
  guard.observe(false);
  expect(guard.observe(false).eValue).toBeCloseTo(11 / 12, 12);
});

test("the order of what was seen does not matter, only how much of it", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (outcomes) => {
      const evidence = (observed: readonly boolean[]): number => {
        const guard = createGuardTest({ nullSuccessRatio: 0.7 });
        return observed.map((succeeded) => guard.observe(succeeded).eValue).at(-1) ?? 1;
      };
      expect(evidence(outcomes.toSorted())).toBeCloseTo(evidence(outcomes), 9);
    }),
  );
});

test("under the null the expected evidence is exactly 1 after any number of observations", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      (length, nullSuccessRatio) => {
        let expected = 0;
        for (let bits = 0; bits < 2 ** length; bits += 1) {
          const guard = createGuardTest({ nullSuccessRatio });
          let probability = 1;
          let eValue = 1;
          for (let index = 0; index < length; index += 1) {
            const succeeded = (bits & (1 << index)) !== 0;
            probability *= succeeded ? nullSuccessRatio : 1 - nullSuccessRatio;
            eValue = guard.observe(succeeded).eValue;
          }
          expected += probability * eValue;
        }
        expect(expected).toBeCloseTo(1, 6);
      },
    ),
    { numRuns: 30 },
  );
});

test.each([
  { nullSuccessRatio: 0.5, trueRatio: 0.5 },
  { nullSuccessRatio: 0.9, trueRatio: 0.9 },
  { nullSuccessRatio: 0.99, trueRatio: 0.99 },
  { nullSuccessRatio: 0.5, trueRatio: 0.97 },
])("looked at each of 1,000 times, $trueRatio is hardly ever found below $nullSuccessRatio", (options) => {
  const random = createRandom(`false stops ${JSON.stringify(options)}`);
  const alpha = 0.05;
  const runs = 1_000;
  let stopped = 0;
  for (let run = 0; run < runs; run += 1) {
    const guard = createGuardTest({ nullSuccessRatio: options.nullSuccessRatio, alpha });
    let isBelow = false;
    for (let index = 0; index < 1_000 && !isBelow; index += 1)
      isBelow = guard.observe(random.next() < options.trueRatio).isBelow;
    if (isBelow) stopped += 1;
  }
  // Three standard errors of a 5 % share of 1,000 are 2 %.
  expect(stopped / runs).toBeLessThan(alpha + 0.02);
});

test("a true drop is found, and soon when it is a large one", () => {
  const random = createRandom("drop");
  const observationsUntilBelow = (trueRatio: number, nullSuccessRatio: number): number => {
    const guard = createGuardTest({ nullSuccessRatio });
    for (let count = 1; count <= 5_000; count += 1)
      if (guard.observe(random.next() < trueRatio).isBelow) return count;
    return Number.POSITIVE_INFINITY;
  };
  const rounds = Array.from({ length: 200 }, () => observationsUntilBelow(0.1, 0.5)).sort((a, b) => a - b);
  expect(rounds[100]).toBeLessThan(40);
  expect(rounds.at(-1)).toBeLessThan(150);
  expect(observationsUntilBelow(0, 0.5)).toBeLessThan(15);
  expect(observationsUntilBelow(0.97, 0.99)).toBeLessThan(2_000);
});

test("a success never counts against the system, a failure never for it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 200 }),
      fc.constantFrom(0.2, 0.5, 0.95),
      (outcomes, nullSuccessRatio) => {
        const guard = createGuardTest({ nullSuccessRatio });
        let before = 1;
        for (const succeeded of outcomes) {
          const { eValue } = guard.observe(succeeded);
          if (succeeded) expect(eValue).toBeLessThanOrEqual(before * (1 + 1e-12));
          else expect(eValue).toBeGreaterThanOrEqual(before * (1 - 1e-12));
          before = eValue;
        }
      },
    ),
  );
});

test("once below, a window stays below; a new window starts with no evidence", () => {
  const guard = createGuardTest({ nullSuccessRatio: 0.5 });
  for (let index = 0; index < 100; index += 1) guard.observe(false);
  for (let index = 0; index < 500; index += 1) guard.observe(true);
  expect(guard.observe(true).isBelow).toBe(true);
  guard.restart();
  const fresh = guard.observe(true);
  expect(fresh.isBelow).toBe(false);
  expect(fresh.eValue).toBeCloseTo(0.5, 12);
});

test("100,000 failures are evidence beyond counting, not NaN", () => {
  const guard = createGuardTest({ nullSuccessRatio: 0.99 });
  let eValue = 0;
  for (let index = 0; index < 100_000; index += 1) eValue = guard.observe(false).eValue;
  expect(eValue).toBe(Number.POSITIVE_INFINITY);
});

test("a ratio or an alpha outside (0, 1) is refused by name", () => {
  expect(() => createGuardTest({ nullSuccessRatio: 1 })).toThrow("nullSuccessRatio");
  expect(() => createGuardTest({ nullSuccessRatio: 0.5, alpha: 0 })).toThrow("alpha");
});
