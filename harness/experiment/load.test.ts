import { describe, expect, it, test } from "vitest";
import { describeArrivals } from "./arrivals.ts";
import { parseExperiment } from "./load-experiment.ts";

const rest = {
  title: "t",
  target: "target.yaml",
  faults: [{ down: { edge: "a -> b" } }],
  hypothesis: [{ success: { journey: "j", "at-least": "99%" } }],
};

function arrivalsOf(load: object) {
  return parseExperiment({ ...rest, load: { journey: "j", ...load } }, "/folder/x.yaml").load.arrivals;
}

describe("arrivals are held as numbers that name their unit, and read in words", () => {
  it.each<[object, object, string]>([
    [{ rate: "60/s" }, { kind: "poisson", ratePerSecond: 60 }, "at 60/s"],
    [{ rate: "30/m", spacing: "even" }, { kind: "constant", ratePerSecond: 0.5 }, "at 0.5/s, evenly"],
    [
      { arrivals: { ramp: { from: "0/s", to: "100/s", over: "30s" } } },
      { kind: "ramp", fromPerSecond: 0, toPerSecond: 100, overMs: 30_000, spacing: "poisson" },
      "from 0/s to 100/s over 30 s",
    ],
    [
      { arrivals: { steps: [{ rate: "20/s", for: "10s" }, { rate: "40/s" }] }, spacing: "even" },
      {
        kind: "steps",
        steps: [{ ratePerSecond: 20, forMs: 10_000 }, { ratePerSecond: 40 }],
        spacing: "even",
      },
      "at 20/s for 10 s, then at 40/s, evenly",
    ],
    [
      { arrivals: { spike: { rate: "20/s", to: "200/s", at: "25s", for: "5s" } } },
      {
        kind: "spike",
        ratePerSecond: 20,
        toPerSecond: 200,
        atMs: 25_000,
        forMs: 5_000,
        spacing: "poisson",
      },
      "at 20/s, with 200/s for 5 s after 25 s",
    ],
    [
      { arrivals: { sine: { from: "5/s", to: "80/s", period: "24h" } } },
      {
        kind: "sine",
        fromPerSecond: 5,
        toPerSecond: 80,
        periodMs: 86_400_000,
        beginMs: 0,
        spacing: "poisson",
      },
      "from 5/s to 80/s and back every 1440 min",
    ],
    [
      { arrivals: { replay: { file: "recorded/monday.csv" } } },
      { kind: "replay", file: "/folder/recorded/monday.csv" },
      "as recorded in /folder/recorded/monday.csv",
    ],
  ])("%j", (load, shape, words) => {
    const arrivals = arrivalsOf(load);
    expect(arrivals).toEqual(shape);
    expect(describeArrivals(arrivals)).toBe(words);
  });
});

test("a shape may take all of the phases, and not more", () => {
  expect(() => arrivalsOf({ arrivals: { ramp: { from: "1/s", to: "2/s", over: "55s" } } })).not.toThrow();
  expect(() => arrivalsOf({ arrivals: { ramp: { from: "1/s", to: "2/s", over: "56s" } } })).toThrow(
    "load.arrivals.ramp.over  expected at most the whole load, 55 s",
  );
});
