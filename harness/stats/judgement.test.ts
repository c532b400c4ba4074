import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeQuantile, judgeSuccess } from "./judgement.ts";

test("all of 300 hold 99 %, since the lower bound is 99.11 %", () => {
  const judgement = judgeSuccess({ ok: 300, total: 300, atLeastRatio: 0.99 });
  expect(judgement.outcome).toBe("held");
  expect(judgement.lower).toBeCloseTo(300 / 302.7057, 6);
});

test("290 of 300 deviate from 99 %", () => {
  expect(judgeSuccess({ ok: 290, total: 300, atLeastRatio: 0.99 }).outcome).toBe("deviated");
});

test("298 of 300 settle nothing about 99 %, and it says how many would", () => {
  const judgement = judgeSuccess({ ok: 298, total: 300, atLeastRatio: 0.99 });
  expect(judgement.outcome).toBe("inconclusive");
  // 2.7057 * 0.99 * 0.01 / (298/300 - 0.99)^2 = 2,410.8
  expect(judgement.neededTotal).toBe(2_411);
});

test("296 of 300 are under 99 %, but not by enough to say so", () => {
  const judgement = judgeSuccess({ ok: 296, total: 300, atLeastRatio: 0.99 });
  expect(judgement.ratio).toBeLessThan(0.99);
  expect(judgement.outcome).toBe("inconclusive");
});

test("no operations settle nothing", () => {
  const judgement = judgeSuccess({ ok: 0, total: 0, atLeastRatio: 0.99 });
  expect(judgement).toMatchObject({ outcome: "inconclusive", ratio: undefined, neededTotal: 268 });
});

test("a limit of 100 % is a count of at least twenty", () => {
  expect(judgeSuccess({ ok: 20, total: 20, atLeastRatio: 1 }).outcome).toBe("held");
  expect(judgeSuccess({ ok: 19, total: 19, atLeastRatio: 1 }).outcome).toBe("inconclusive");
  expect(judgeSuccess({ ok: 999, total: 1_000, atLeastRatio: 1 }).outcome).toBe("deviated");
});

test("the number said to be needed does settle it, if the ratio stays", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0.5, 0.9, 0.99),
      (total, share, atLeastRatio) => {
        const ok = Math.floor(share * total);
        const judgement = judgeSuccess({ ok, total, atLeastRatio });
        if (judgement.outcome !== "inconclusive" || judgement.neededTotal === undefined) return;
        expect(judgement.neededTotal).toBeGreaterThanOrEqual(total);
        const factor = Math.ceil(judgement.neededTotal / total) + 1;
        const later = judgeSuccess({ ok: ok * factor, total: total * factor, atLeastRatio });
        expect(later.outcome).toBe(ok / total > atLeastRatio ? "held" : "deviated");
      },
    ),
  );
});

const ramp = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);

test("a p95 whose upper bound is under the limit held, whose lower bound is over it deviated", () => {
  expect(judgeQuantile(ramp(200), 0.95, 199)).toMatchObject({ outcome: "held", valueMs: 190 });
  expect(judgeQuantile(ramp(200), 0.95, 150).outcome).toBe("deviated");
});

test("a p95 on the limit settles nothing, though there is enough data", () => {
  expect(judgeQuantile(ramp(200), 0.95, 190)).toMatchObject({ outcome: "inconclusive", hasEnough: true });
});

test("a p95 of 199 samples is not enough data, however clear it looks", () => {
  const judgement = judgeQuantile(ramp(199), 0.95, 1_000_000);
  expect(judgement).toMatchObject({
    outcome: "inconclusive",
    hasEnough: false,
    count: 199,
    neededCount: 200,
  });
});

test("no samples are not enough data", () => {
  expect(judgeQuantile([], 0.5, 1)).toMatchObject({ outcome: "inconclusive", valueMs: undefined });
});
