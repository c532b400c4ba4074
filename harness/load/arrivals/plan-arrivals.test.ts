import { expect, it } from "vitest";
import { createRandom } from "../base/random.ts";
import { planArrivals } from "./arrivals.ts";

const mix = { browse: 3, buy: 1 };
const plan = (seed: string) => planArrivals(createRandom(seed), 60, 60_000, mix);

it("the same seed gives the same arrivals, another seed others", () => {
  expect(plan("a")).toEqual(plan("a"));
  expect(plan("a")).not.toEqual(plan("b"));
});

it("arrivals come in order, numbered, within the schedule", () => {
  const arrivals = plan("order");
  expect(arrivals.map(({ index }) => index)).toEqual(arrivals.map((_, index) => index));
  expect(arrivals.every(({ atMs }, index) => atMs >= (arrivals[index - 1]?.atMs ?? 0))).toBe(true);
  expect(arrivals.at(-1)?.atMs).toBeLessThan(60_000);
});

it("arrivals are a Poisson process of the mean rate: as many as expected, gaps as spread as long", () => {
  const arrivals = plan("rate");
  expect(Math.abs(arrivals.length - 3_600)).toBeLessThan(5 * Math.sqrt(3_600));
  const gapsMs = arrivals.map(({ atMs }, index) => atMs - (arrivals[index - 1]?.atMs ?? 0));
  const mean = gapsMs.reduce((sum, gap) => sum + gap, 0) / gapsMs.length;
  const deviation = Math.sqrt(gapsMs.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gapsMs.length);
  expect(deviation / mean).toBeGreaterThan(0.9);
  expect(deviation / mean).toBeLessThan(1.1);
});

it("journeys are drawn by their weights", () => {
  const arrivals = plan("mix");
  const buys = arrivals.filter(({ journey }) => journey === "buy").length;
  expect(Math.abs(buys / arrivals.length - 0.25)).toBeLessThan(
    5 * Math.sqrt((0.25 * 0.75) / arrivals.length),
  );
});

it("another mix leaves the times of arrivals as they are", () => {
  const times = (arrivals: ReturnType<typeof plan>) => arrivals.map(({ atMs }) => atMs);
  expect(times(planArrivals(createRandom("a"), 60, 60_000, { buy: 1 }))).toEqual(times(plan("a")));
});
