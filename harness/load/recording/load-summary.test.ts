import { expect, it } from "vitest";
import { createHistogram } from "../../stats/histogram.ts";
import { loadSummarySchema, percentilesOf, summarizeLoad } from "./load-summary.ts";
import type { RecordedLoad } from "./recorded-load.ts";
import { createTally, type Ended } from "./tally.ts";

const startMs = 1_700_000_000_000;

function loadOf(...ended: readonly Ended[]): RecordedLoad {
  const total = createTally();
  for (const one of ended) total.add(one);
  const driver = {
    driver: "d1",
    startAtMs: startMs,
    seed: "seed",
    baseUrl: "http://127.0.0.1:1",
    mix: { buy: 1 },
    timeoutMs: 500,
    maxConnections: 4,
    drivenMs: 500,
    intended: 4,
    started: ended.length,
    late: createHistogram(),
    problems: ["the driver was busy"],
  };
  const journeys = ended.length === 0 ? [] : [{ journey: "buy", total, slices: new Map([[startMs, total]]) }];
  return { drivers: [driver], startMs, drivenMs: 500, journeys, steps: [] };
}

it("the figures by hand", () => {
  const summary = summarizeLoad(
    loadOf(
      { intendedMs: startMs, sentMs: startMs + 5, endedMs: startMs + 20, completion: "ok" },
      {
        intendedMs: startMs,
        sentMs: startMs,
        endedMs: startMs + 40,
        completion: "fail",
        error: { kind: "http-503", message: "" },
      },
      {
        intendedMs: startMs,
        endedMs: startMs + 500,
        completion: "fail",
        error: { kind: "not-sent", message: "" },
      },
    ),
  );
  expect(summary).toMatchObject({
    intended: 4,
    started: 3,
    drivenMs: 500,
    problems: ["the driver was busy"],
  });
  expect(summary).not.toHaveProperty("late");
  const [buy] = summary.journeys;
  expect(buy).toMatchObject({ journey: "buy", total: 3, ok: 1, fail: 2, unknown: 0, unsent: 1 });
  expect(buy).toMatchObject({ errors: { "http-503": 1, "not-sent": 1 }, perSecond: 6, okPerSecond: 2 });
  expect(buy?.latency).toMatchObject({ count: 2, minMs: 20, p99Ms: 40, maxMs: 40 });
  expect(buy?.service).toMatchObject({ count: 2, minMs: 15, p99Ms: 40, maxMs: 40 });
  expect(summary.all).toEqual({ ...summary.all, ...buy, journey: undefined });
  expect(summary.seconds).toEqual([
    { fromMs: startMs, ok: 1, fail: 2, unknown: 0, p50Ms: buy?.latency?.p50Ms, p99Ms: 40 },
  ]);
});

it("a load of nothing has no percentiles, and none is made up", () => {
  const summary = summarizeLoad({ ...loadOf(), drivenMs: 0 });
  expect(loadSummarySchema.parse(JSON.parse(JSON.stringify(summary)))).toEqual(summary);
  expect(summary.all).toEqual({
    total: 0,
    ok: 0,
    fail: 0,
    unknown: 0,
    unsent: 0,
    errors: {},
    perSecond: 0,
    okPerSecond: 0,
  });
});

it.each([
  [19, ["p50Ms", "p90Ms", "p95Ms", "p99Ms", "p999Ms"]],
  [20, ["p90Ms", "p95Ms", "p99Ms", "p999Ms"]],
  [200, ["p99Ms", "p999Ms"]],
  [1_000, ["p999Ms"]],
  [10_000, []],
])("of %i samples, these percentiles are not to be relied on: %j", (samples, names) => {
  const histogram = createHistogram();
  histogram.add(1, samples);
  expect(percentilesOf(histogram)?.notEnoughFor).toEqual(names);
});
