import fc from "fast-check";
import { expect, test } from "vitest";
import { rankSumTail } from "./rank-sum.ts";

test("all above all is one order of all there are", () => {
  expect(rankSumTail([4, 5, 6], [1, 2, 3])).toBeCloseTo(1 / 20, 12); // of 6 choose 3
  expect(rankSumTail(Array<number>(10).fill(2), Array<number>(10).fill(1))).toBeCloseTo(1 / 184_756, 12);
});

test("one pair the wrong way leaves two orders as extreme", () => {
  // 3 above 1 and 2 but not 4: 8 of 9 pairs; orders with 8 or 9 pairs: two of twenty.
  expect(rankSumTail([3, 5, 6], [1, 2, 4])).toBeCloseTo(2 / 20, 12);
});

test("all below all is sure to be so or more", () => {
  expect(rankSumTail([1, 2], [3, 4, 5])).toBe(1);
  expect(rankSumTail([], [1])).toBe(1);
});

test("ties speak for no difference", () => {
  expect(rankSumTail([1, 1, 1], [1, 1, 1])).toBe(1);
});

test("it is what counting every order gives", () => {
  const sets = fc.tuple(
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }),
  );
  fc.assert(
    fc.property(sets, ([above, below]) => {
      const pairs = above.flatMap((high) => below.filter((low) => high > low)).length;
      const size = above.length + below.length;
      let all = 0;
      let asExtreme = 0;
      for (let chosen = 0; chosen < 2 ** size; chosen += 1) {
        const ranks = Array.from({ length: size }, (_, rank) => rank);
        const first = ranks.filter((rank) => (chosen >> rank) % 2 === 1);
        if (first.length !== above.length) continue;
        const second = ranks.filter((rank) => !first.includes(rank));
        all += 1;
        if (first.flatMap((high) => second.filter((low) => high > low)).length >= pairs) asExtreme += 1;
      }
      expect(rankSumTail(above, below)).toBeCloseTo(asExtreme / all, 10);
    }),
  );
});
