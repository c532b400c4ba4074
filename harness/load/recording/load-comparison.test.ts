import { describe, expect, it } from "vitest";
import { createRandom } from "../../base/random.ts";
import { createHistogram } from "../../stats/histogram.ts";
import { caution, compareLoadResults, loadComparisonSchema, roundMs } from "./load-comparison.ts";
import { sliceMs, type RecordedLoad, type Series } from "./recorded-load.ts";
import { createTally, mergeTallies, type Tally } from "./tally.ts";

const startMs = 1_700_000_000_250;

interface Script {
  readonly seed: string;
  readonly rounds: number;
  readonly perSecond: number;
  /** Of the latency's distribution, in milliseconds, in each round. */
  readonly meanMs: (round: number) => number;
  readonly errorRatio?: (round: number) => number;
  readonly step?: string;
  readonly problems?: readonly string[];
}

/** A load of exponential latencies, from the second after its start on. */
function loadOf({
  seed,
  rounds,
  perSecond,
  meanMs,
  errorRatio = () => 0,
  step = "pay",
  problems = [],
}: Script): RecordedLoad {
  const random = createRandom(seed);
  const firstMs = Math.ceil(startMs / sliceMs) * sliceMs;
  const slices = new Map<number, Tally>();
  for (let second = 0; second < (rounds * roundMs) / sliceMs; second += 1) {
    const tally = createTally();
    const intendedMs = firstMs + second * sliceMs;
    const round = Math.floor((second * sliceMs) / roundMs);
    for (let count = 0; count < perSecond; count += 1)
      tally.add({
        intendedMs,
        sentMs: intendedMs,
        endedMs: intendedMs + random.exponential(meanMs(round)),
        completion: random.next() < errorRatio(round) ? "fail" : "ok",
      });
    slices.set(intendedMs, tally);
  }
  const total = mergeTallies(slices.values());
  const series: Series = { journey: "buy", slices, total };
  const drivenMs = rounds * roundMs + sliceMs;
  const driver = {
    driver: seed,
    startAtMs: startMs,
    seed,
    baseUrl: "http://127.0.0.1:1",
    mix: { buy: 1 },
    timeoutMs: 500,
    maxConnections: 4,
    drivenMs,
    intended: total.total,
    started: total.total,
    late: createHistogram(),
    problems,
  };
  return { drivers: [driver], startMs, drivenMs, journeys: [series], steps: [{ ...series, step }] };
}

const steady = (seed: string): RecordedLoad => loadOf({ seed, rounds: 6, perSecond: 40, meanMs: () => 20 });

describe("percentiles", () => {
  it("that are alike are not told apart, at most in the one or two of ten that 95 % leaves on either side", () => {
    const outcomes = Array.from(
      { length: 20 },
      (_, pair) => compareLoadResults(steady(`a${pair}`), steady(`b${pair}`)).all.p50.outcome,
    );
    expect(outcomes.filter((outcome) => outcome !== "not-told-apart").length).toBeLessThanOrEqual(5);
  });

  it("that are a half higher in every round are higher, between bounds", () => {
    const slower = loadOf({ seed: "slower", rounds: 6, perSecond: 40, meanMs: () => 30 });
    const { p50, p95 } = compareLoadResults(steady("a"), slower).all;
    expect(p50.outcome).toBe("higher");
    expect(p50.ratio).toBeCloseTo(p50.after! / p50.before!, 9);
    expect(p50.ratioLower).toBeLessThan(1.5);
    expect(p50.ratioUpper).toBeGreaterThan(1.5);
    expect(p95.outcome).toBe("higher");
    expect(compareLoadResults(slower, steady("a")).all.p50.outcome).toBe("lower");
  });

  it("whose rounds go up and down more than they differ are not told apart, however many the requests", () => {
    const moody = (seed: string, up: number): RecordedLoad =>
      loadOf({ seed, rounds: 6, perSecond: 400, meanMs: (round) => (round % 2 === up ? 60 : 20) });
    const gloomy = loadOf({
      seed: "g",
      rounds: 6,
      perSecond: 400,
      meanMs: (round) => (round % 3 === 0 ? 66 : 24),
    });
    expect(compareLoadResults(moody("m", 0), gloomy).all.p50.outcome).toBe("not-told-apart");
  });

  it("of four rounds, or of rounds with too few requests, are not enough data, and it says what is", () => {
    const short = loadOf({ seed: "s", rounds: 4, perSecond: 40, meanMs: () => 500 });
    const { p50 } = compareLoadResults(steady("a"), short).all;
    expect(p50).toMatchObject({
      outcome: "not-enough-data",
      lacking: "5 rounds of 6 s with at least 20 operations each on both sides, there are 6 and 4",
    });
    expect(p50.ratio).toBeGreaterThan(10);
    // 240 requests a round are enough for p95 and not for p99.
    const { p95, p99 } = compareLoadResults(steady("a"), steady("b")).all;
    expect(p95.outcome).not.toBe("not-enough-data");
    expect(p99).toMatchObject({
      outcome: "not-enough-data",
      lacking: expect.stringContaining("1000") as string,
    });
  });

  it("of nothing are not enough data", () => {
    const nothing = loadOf({ seed: "n", rounds: 6, perSecond: 0, meanMs: () => 1 });
    const { p50, errorRatio, okPerSecond } = compareLoadResults(nothing, steady("a")).all;
    expect(p50).toMatchObject({ outcome: "not-enough-data" });
    expect(p50).not.toHaveProperty("before");
    expect(errorRatio.outcome).toBe("not-enough-data");
    expect(okPerSecond).not.toHaveProperty("ratio");
  });
});

it("errors are told apart where they are more in most rounds, not where they come in one burst", () => {
  const failing = (seed: string, errorRatio: number) =>
    loadOf({ seed, rounds: 6, perSecond: 40, meanMs: () => 20, errorRatio: () => errorRatio });
  expect(compareLoadResults(steady("a"), failing("f", 0.02)).all.errorRatio.outcome).toBe("higher");
  expect(compareLoadResults(failing("f", 0.02), steady("a")).all.errorRatio.outcome).toBe("lower");
  expect(compareLoadResults(steady("a"), steady("b")).all.errorRatio.outcome).toBe("not-told-apart");
  const burst = loadOf({
    seed: "b",
    rounds: 6,
    perSecond: 40,
    meanMs: () => 20,
    errorRatio: (round) => (round === 3 ? 0.5 : 0),
  });
  const { errorRatio } = compareLoadResults(steady("a"), burst).all;
  expect(errorRatio).toMatchObject({ outcome: "not-told-apart", before: 0 });
  expect(errorRatio.after).toBeGreaterThan(0.05);
});

it("throughput is what ended well, over the time in which arrivals came", () => {
  const twice = loadOf({ seed: "t", rounds: 6, perSecond: 80, meanMs: () => 20 });
  const { okPerSecond } = compareLoadResults(steady("a"), twice).all;
  expect(okPerSecond.before).toBeCloseTo((40 * 36_000) / 37_000, 9);
  expect(okPerSecond.ratio).toBeCloseTo(2, 9);
});

it("whatever comes out, it says that two runs prove nothing, what was wrong with either, and what only one has", () => {
  const other = loadOf({
    seed: "o",
    rounds: 6,
    perSecond: 40,
    meanMs: () => 20,
    step: "settle",
    problems: ["the driver was busy"],
  });
  const comparison = compareLoadResults(steady("a"), other);
  expect(comparison.caution).toBe(caution);
  expect(comparison.problems).toEqual(["after: the driver was busy"]);
  expect(comparison.journeys.map(({ journey }) => journey)).toEqual(["buy"]);
  expect(comparison.steps).toEqual([]);
  expect(comparison.onlyBefore).toEqual([{ journey: "buy", step: "pay" }]);
  expect(comparison.onlyAfter).toEqual([{ journey: "buy", step: "settle" }]);
  expect(loadComparisonSchema.parse(JSON.parse(JSON.stringify(comparison)))).toEqual(comparison);
});
