import { expect, it } from "vitest";
import { createRandom } from "./random.ts";

const draws = (seed: string | number, count = 5): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

it("the same seed gives the same numbers, another seed gives others", () => {
  expect(draws("a")).toEqual(draws("a"));
  expect(draws("a")).not.toEqual(draws("b"));
  expect(draws(1)).toEqual(draws("1"));
});

it("numbers stay the same from one release to the next", () =>
  expect(draws("squall", 3).map((value) => value.toFixed(12))).toMatchInlineSnapshot(`
    [
      "0.968460884679",
      "0.953011929937",
      "0.544709433907",
    ]
  `));

it("a fork depends on its name, not on what was drawn before", () => {
  const fresh = createRandom("seed");
  const used = createRandom("seed");
  used.next();
  expect(used.fork("load").next()).toBe(fresh.fork("load").next());
  expect(fresh.fork("load").next()).not.toBe(fresh.fork("faults").next());
});

it("is uniform, and exponential with the asked mean, within what chance allows", () => {
  const random = createRandom("uniformity");
  const count = 100_000;
  const tenths = new Array<number>(10).fill(0);
  let sum = 0;
  for (let index = 0; index < count; index += 1) {
    const bucket = Math.floor(random.next() * 10);
    tenths[bucket] = (tenths[bucket] ?? 0) + 1;
    sum += random.exponential(20);
  }
  // Chi-square with 9 degrees of freedom: 27.88 is exceeded once in a thousand seeds.
  const chiSquare = tenths.reduce((total, seen) => total + (seen - count / 10) ** 2 / (count / 10), 0);
  expect(chiSquare).toBeLessThan(27.88);
  expect(sum / count).toBeGreaterThan(19.7);
  expect(sum / count).toBeLessThan(20.3);
});

it("cannot pick from nothing", () => expect(() => createRandom(1).pick([])).toThrow(RangeError));
