import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../base/random.ts";
import { meanRatePerSecond, peakRatePerSecond, ratePerSecondAt, type ArrivalPlan } from "./arrival-plan.ts";
import { planArrivals } from "./plan-arrivals.ts";

const mix = { browse: 3, buy: 1 };
const arrivalsOf = (plan: ArrivalPlan, seed = "seed", of: Readonly<Record<string, number>> = mix) => [
  ...planArrivals(createRandom(seed), plan, of),
];
const timesOf = (plan: ArrivalPlan, seed?: string) => arrivalsOf(plan, seed).map(({ atMs }) => atMs);
const poisson: ArrivalPlan = { kind: "poisson", ratePerSecond: 60, durationMs: 60_000 };

/** Any plan of a shape that says a rate, of a few thousand arrivals at most. */
const rate = fc.double({ min: 0, max: 200, noNaN: true });
const lengthMs = fc.integer({ min: 1, max: 20_000 });
const spacing = fc.constantFrom("poisson", "even");
const plans: fc.Arbitrary<ArrivalPlan> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("poisson", "constant"),
    ratePerSecond: fc.double({ min: 0.01, max: 200, noNaN: true }),
    durationMs: lengthMs,
  }),
  fc.record({
    kind: fc.constant("ramp"),
    fromPerSecond: rate,
    toPerSecond: rate,
    overMs: lengthMs,
    spacing,
    durationMs: lengthMs,
  }),
  fc.record({
    kind: fc.constant("steps"),
    steps: fc
      .array(fc.record({ ratePerSecond: rate, forMs: lengthMs }), { minLength: 1, maxLength: 5 })
      .map((steps) => [...steps, { ratePerSecond: 7 }]),
    spacing,
    durationMs: lengthMs,
  }),
  fc.record({
    kind: fc.constant("spike"),
    ratePerSecond: rate,
    toPerSecond: rate,
    atMs: lengthMs,
    forMs: lengthMs,
    spacing,
    durationMs: lengthMs,
  }),
  fc.record({
    kind: fc.constant("sine"),
    fromPerSecond: rate,
    toPerSecond: rate,
    periodMs: fc.integer({ min: 1_000, max: 60_000 }),
    beginMs: fc.integer({ min: 0, max: 120_000 }),
    spacing,
    durationMs: lengthMs,
  }),
);

const isEven = (plan: ArrivalPlan): boolean =>
  plan.kind === "constant" || ("spacing" in plan && plan.spacing === "even");
const expected = (plan: ArrivalPlan): number => (meanRatePerSecond(plan) * plan.durationMs) / 1_000;

describe("whatever the shape", () => {
  it("no moment's rate is above the peak, and some moment's is at it or next to it", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const moments = Array.from({ length: 50 }, (_, index) => (index / 50) * plan.durationMs);
        const most = Math.max(...moments.map((atMs) => ratePerSecondAt(plan, atMs) ?? NaN));
        expect(most).toBeLessThanOrEqual(peakRatePerSecond(plan) + 1e-9);
        // A spike of a millisecond lies between two moments.
        if (plan.kind === "poisson" || plan.kind === "constant")
          expect(peakRatePerSecond(plan)).toBeCloseTo(plan.ratePerSecond);
        if (plan.kind === "ramp" && plan.overMs <= plan.durationMs)
          expect(peakRatePerSecond(plan)).toBeCloseTo(Math.max(plan.fromPerSecond, plan.toPerSecond));
      }),
    );
  });

  it("arrivals are numbered, in order of time, and within the plan", () => {
    fc.assert(
      fc.property(plans, fc.string(), (plan, seed) => {
        const arrivals = arrivalsOf(plan, seed);
        expect(arrivals.map(({ index }) => index)).toEqual(arrivals.map((_, index) => index));
        for (const [index, { atMs }] of arrivals.entries())
          expect(atMs).toBeGreaterThanOrEqual(arrivals[index - 1]?.atMs ?? 0);
        expect(arrivals.at(-1)?.atMs ?? 0).toBeLessThanOrEqual(plan.durationMs);
      }),
    );
  });

  it("the seed decides all, to the last digit", () => {
    fc.assert(
      fc.property(plans, fc.string(), (plan, seed) => {
        expect(arrivalsOf(plan, seed)).toEqual(arrivalsOf(plan, seed));
      }),
    );
  });

  it("even ones are as many as the rate comes to, up to any moment, give or take one", () => {
    fc.assert(
      fc.property(plans.filter(isEven), fc.double({ min: 0, max: 1, noNaN: true }), (plan, share) => {
        expect(Math.abs(timesOf(plan).length - expected(plan))).toBeLessThanOrEqual(0.501);
        const cut = { ...plan, durationMs: plan.durationMs * share + 0.001 };
        const before = timesOf(plan).filter((atMs) => atMs <= cut.durationMs);
        expect(Math.abs(before.length - expected(cut))).toBeLessThanOrEqual(0.501);
      }),
    );
  });

  it("those at random are as many as the rate comes to, within five standard deviations", () => {
    fc.assert(
      fc.property(
        plans.filter((plan) => !isEven(plan)),
        fc.string(),
        (plan, seed) => {
          const mean = expected(plan);
          // A Poisson count of a small mean has a long upper tail: ten more than its deviations allow for that.
          expect(Math.abs(timesOf(plan, seed).length - mean)).toBeLessThan(5 * Math.sqrt(mean) + 10);
        },
      ),
    );
  });

  it("a plan that is cut short has the beginning of the whole one", () => {
    fc.assert(
      fc.property(plans, fc.string(), (plan, seed) => {
        const half = { ...plan, durationMs: plan.durationMs / 2 };
        const whole = timesOf(plan, seed);
        const cut = timesOf(half, seed);
        expect(Math.abs(cut.length - whole.filter((atMs) => atMs <= half.durationMs).length)).toBeLessThan(2);
        for (const [index, atMs] of cut.entries()) expect(atMs).toBeCloseTo(whole[index] ?? NaN, 3);
      }),
    );
  });
});

describe("a shape", () => {
  it("poisson has gaps as spread as they are long", () => {
    const times = timesOf(poisson);
    const gapsMs = times.map((atMs, index) => atMs - (times[index - 1] ?? 0));
    const mean = gapsMs.reduce((sum, gap) => sum + gap, 0) / gapsMs.length;
    const deviation = Math.sqrt(gapsMs.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gapsMs.length);
    expect(deviation / mean).toBeGreaterThan(0.9);
    expect(deviation / mean).toBeLessThan(1.1);
  });

  it("constant has gaps all the same, from half a gap on", () => {
    expect(timesOf({ kind: "constant", ratePerSecond: 4, durationMs: 1_000 })).toEqual([125, 375, 625, 875]);
  });

  // By hand: 0 to 10/s over 2 s is 2.5 t²; half an arrival is at √0.2 s, one and a half at √0.6 s.
  it("ramp comes ever closer together, and stays at its last rate", () => {
    const ramp = { kind: "ramp", fromPerSecond: 0, toPerSecond: 10, overMs: 2_000, spacing: "even" } as const;
    const times = timesOf({ ...ramp, durationMs: 3_000 });
    expect(times.slice(0, 2)).toEqual([
      expect.closeTo(1_000 * Math.sqrt(0.2)),
      expect.closeTo(1_000 * Math.sqrt(0.6)),
    ]);
    expect(times).toHaveLength(20);
    expect(times.slice(-2)).toEqual([expect.closeTo(2_850), expect.closeTo(2_950)]);
  });

  it("steps keep each rate for as long as it says", () => {
    const steps = [
      { ratePerSecond: 2, forMs: 1_000 },
      { ratePerSecond: 0, forMs: 5_000 },
      { ratePerSecond: 4 },
    ];
    expect(timesOf({ kind: "steps", steps, spacing: "even", durationMs: 7_000 })).toEqual(
      [250, 750, 6_125, 6_375, 6_625, 6_875].map((atMs) => expect.closeTo(atMs) as number),
    );
  });

  it("spike is at its height for as long as it says, and nowhere else", () => {
    const spike = { kind: "spike", ratePerSecond: 1, toPerSecond: 100, atMs: 4_000, forMs: 1_000 } as const;
    const times = timesOf({ ...spike, spacing: "even", durationMs: 10_000 });
    expect(times.filter((atMs) => atMs >= 4_000 && atMs < 5_000)).toHaveLength(100);
    expect(times).toHaveLength(109);
  });

  it("sine is lowest at the start of a period and highest in its middle", () => {
    const day = { kind: "sine", fromPerSecond: 10, toPerSecond: 110, periodMs: 20_000, beginMs: 0 } as const;
    const plan = { ...day, spacing: "even", durationMs: 20_000 } as const;
    const inSecond = (second: number) =>
      timesOf(plan).filter((atMs) => Math.floor(atMs / 1_000) === second).length;
    expect([0, 10].map(inSecond)).toEqual([11, 109]);
    expect(timesOf(plan)).toHaveLength(1_200);
    expect(ratePerSecondAt(plan, 5_000)).toBeCloseTo(60);
    expect(ratePerSecondAt({ ...plan, beginMs: 10_000 }, 0)).toBeCloseTo(110);
  });
});

describe("journeys", () => {
  it("are drawn by their weights", () => {
    const arrivals = arrivalsOf(poisson);
    const buys = arrivals.filter(({ journey }) => journey === "buy").length;
    expect(Math.abs(buys / arrivals.length - 0.25)).toBeLessThan(
      5 * Math.sqrt((0.25 * 0.75) / arrivals.length),
    );
  });

  it("of another mix come at the same times, of another seed at others", () => {
    const times = timesOf(poisson, "a");
    expect(arrivalsOf(poisson, "a", { buy: 1 }).map(({ atMs }) => atMs)).toEqual(times);
    expect(timesOf(poisson, "b")).not.toEqual(times);
  });
});

it("an hour of a high rate is not held in memory: its first arrivals are there at once", () => {
  const plan: ArrivalPlan = { kind: "poisson", ratePerSecond: 100_000, durationMs: 3_600_000 };
  const first = planArrivals(createRandom("seed"), plan, mix)[Symbol.iterator]().next();
  expect(first.value).toMatchObject({ index: 0 });
});
