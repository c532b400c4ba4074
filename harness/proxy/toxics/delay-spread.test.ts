import { describe, expect, it } from "vitest";
import { createRandom } from "../../base/random.ts";
import { drawDelayMs, type DelaySpread } from "./delay-spread.ts";

const count = 100_000;

function draw(spread: DelaySpread): readonly number[] {
  const random = createRandom("spread");
  return Array.from({ length: count }, (_, index) => drawDelayMs(100, spread, random, index)).toSorted(
    (one, other) => one - other,
  );
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const shareBelow = (values: readonly number[], limit: number): number =>
  values.filter((value) => value < limit).length / values.length;

describe("a delay of 100 ms with a jitter of 20 ms", () => {
  it("is spread evenly over 80 to 120 ms unless said otherwise", () => {
    const delays = draw({ jitter: 20 });
    expect(delays[0]).toBeGreaterThanOrEqual(80);
    expect(delays.at(-1)).toBeLessThanOrEqual(120);
    expect(shareBelow(delays, 90)).toBeCloseTo(0.25, 2);
  });

  it("normal: two thirds lie within one standard deviation, 95 % within two", () => {
    const delays = draw({ jitter: 20, distribution: "normal" });
    expect(meanOf(delays)).toBeCloseTo(100, 0);
    expect(shareBelow(delays, 120) - shareBelow(delays, 80)).toBeCloseTo(0.683, 2);
    expect(shareBelow(delays, 140) - shareBelow(delays, 60)).toBeCloseTo(0.954, 2);
  });

  it("pareto: never less than the delay, on average the jitter more, with a heavy tail", () => {
    const delays = draw({ jitter: 20, distribution: "pareto" });
    expect(delays[0]).toBeGreaterThanOrEqual(100);
    expect(meanOf(delays)).toBeGreaterThan(119);
    expect(meanOf(delays)).toBeLessThan(121);
    // P(X > 100 + x) = (1 + x / 40)^-3: beyond 160 ms 6.4 %, where a normal distribution has 0.13 %
    expect(shareBelow(delays, 160)).toBeCloseTo(1 - 2.5 ** -3, 2);
  });
});

it("a delay is never below zero", () => {
  expect(Math.min(...draw({ jitter: 500, distribution: "normal" }))).toBe(0);
  expect(Math.min(...draw({ jitter: 500 }))).toBe(0);
});

it("recorded delays are replayed in order, and again from the first", () => {
  const random = createRandom("none");
  const spread: DelaySpread = { jitter: 0, distribution: "replay", values: [5, 50, 500] };
  expect([0, 1, 2, 3, 4].map((index) => drawDelayMs(100, spread, random, index))).toEqual([
    5, 50, 500, 5, 50,
  ]);
});
