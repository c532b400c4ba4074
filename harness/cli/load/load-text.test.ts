import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { compareLoadResults } from "../../load/recording/load-comparison.ts";
import type { RecordedLoad, Series } from "../../load/recording/recorded-load.ts";
import { createTally, type Tally } from "../../load/recording/tally.ts";
import { createHistogram } from "../../stats/histogram.ts";
import { comparisonText } from "./comparison-text.ts";
import { exitCodeOf } from "./drive-load.ts";
import { keepLiveFigures } from "./live-figures.ts";
import { reportOf } from "./load-report.ts";
import { loadText } from "./load-text.ts";
import { loadPanel } from "./load-view.ts";

const colors = pc.createColors(false);
const startMs = 1_800_000_000_000;

/** As many operations of 1 to `count` ms, the last `failed` of them answered 503. */
function tallyOf(count: number, failed = 0): Tally {
  const tally = createTally();
  for (let index = 1; index <= count; index += 1) {
    const times = { intendedMs: startMs, sentMs: startMs, endedMs: startMs + index };
    if (index <= count - failed) tally.add({ ...times, completion: "ok" });
    else tally.add({ ...times, completion: "fail", error: { kind: "http-503", message: "out-of-stock" } });
  }
  return tally;
}

function seriesOf(journey: string, total: Tally, step?: string): Series {
  return { journey, ...(step === undefined ? {} : { step }), total, slices: new Map([[startMs, total]]) };
}

function loadOf(problems: readonly string[] = []): RecordedLoad {
  const late = createHistogram();
  late.add(0.4, 2_000);
  const browse = tallyOf(1_000);
  const buy = tallyOf(1_000, 12);
  return {
    drivers: [
      {
        driver: "d-1",
        startAtMs: startMs,
        seed: "squall",
        baseUrl: "http://127.0.0.1:8080",
        mix: { browse: 1, buy: 1 },
        timeoutMs: 10_000,
        maxConnections: 256,
        drivenMs: 10_000,
        intended: 2_000,
        started: 2_000,
        late,
        problems,
      },
    ],
    startMs,
    drivenMs: 10_000,
    journeys: [seriesOf("browse", browse), seriesOf("buy", buy)],
    steps: [
      seriesOf("browse", browse, "list-products"),
      seriesOf("buy", tallyOf(1_000), "list-products"),
      seriesOf("buy", buy, "place-an-order-with-a-rather-long-name"),
    ],
  };
}

const result = {
  intended: 2_000,
  started: 2_000,
  health: { lateP99Ms: 0.4, lateMaxMs: 0.4, cpuShare: 0.2, stallMaxMs: 4 },
  users: 17,
  highlights: {
    slowest: [
      {
        journey: "buy",
        step: "place-order",
        latencyMs: 1_000,
        errorKind: "http-503",
        traceId: "ab".repeat(16),
      },
    ],
    errors: [
      {
        journey: "buy",
        kind: "http-503",
        count: 12,
        steps: ["place-order"],
        message: "out-of-\u001b[31mstock",
      },
    ],
  },
  stray: [{ message: "nobody listens", count: 2 }],
};

const textOf = (columns: number, load = loadOf()): readonly string[] =>
  loadText(reportOf(load, "shopper at 200/s for 10 s", false, result), { colors, columns });

describe("the summary", () => {
  test("says what came of it, how long it took, what went wrong, and how the driver did", () => {
    expect(textOf(120).slice(0, 7)).toEqual([
      "shopper at 200/s for 10 s",
      "http://127.0.0.1:8080 · seed squall",
      "",
      "2,000 journeys intended, 2,000 started, 2,000 ended: 200/s, by 17 users",
      "1,988 ok (99.4 %) · 12 failed (0.6 %)",
      "",
      "latency from the intended start; of a journey: of all its steps, and its thinking",
    ]);
    const lines = textOf(120);
    expect(lines).toContainEqual(
      expect.stringMatching(/^all journeys +2,000 +200\/s +12 \(0.6 %\) +500 ms +901 ms .* 991 ms +– +1 s$/),
    );
    expect(lines).toContain("12  http-503");
    expect(lines).toContain("    buy / place-order: out-of-\ufffd[31mstock");
    expect(lines).toContain(`1 s  buy / place-order (http-503)  ${"ab".repeat(16)}`);
    expect(lines).toContain("starts late by 400 µs (p99), 400 µs at most");
    expect(lines).toContain("! 2 errors that no journey awaited (an await is missing): nobody listens");
    expect(lines).toContain("– too few for that percentile: p99 needs 1,000, p99.9 needs 10,000");
  });

  test.each([40, 60, 80, 100, 160])("fits %i columns and leaves out no journey, step or error", (columns) => {
    const lines = textOf(columns);
    for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(columns);
    for (const told of ["browse", "buy", "  list-products", "place-an-order", "http-503", "p99", "max"])
      expect(lines.join("\n")).toContain(told);
  });

  test("of a driver that could not keep up is inconclusive, says so, and ends with 2", () => {
    const load = loadOf(["the load driver was the bottleneck: late"]);
    expect(textOf(80, load)).toContain("! the load driver was the bottleneck: late");
    expect(textOf(80, load).join(" ")).toContain("? inconclusive");
    expect(exitCodeOf(reportOf(load, "", false, result))).toBe(2);
    expect(exitCodeOf(reportOf(load, "", true, result))).toBe(130);
    expect(exitCodeOf(reportOf(loadOf(), "", false, result))).toBe(0);
  });
});

test.each([40, 80, 160])("a comparison fits %i columns", (columns) => {
  const comparison = compareLoadResults(loadOf(), loadOf(["late"]));
  const options = { before: "loads/before", after: "loads/after", colors, columns };
  const lines = comparisonText(comparison, options);
  for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(columns);
  expect(lines.join("\n")).toMatch(/991 ms → 991 ms \?/);
  expect(lines.join(" ")).toContain("after: late");
});

describe("while it goes on", () => {
  const outcome = {
    journey: "buy",
    arrival: 0,
    completion: "ok",
    intendedMs: startMs,
    endedMs: startMs,
  } as const;
  const told = (atMs: number, intended: number, failed: number) => ({
    atMs: startMs + atMs,
    intended,
    started: intended,
    underWay: 3,
    users: 4,
    ended: Array.from({ length: 50 }, (_, index) =>
      index < failed ? { ...outcome, completion: "fail" as const, errorKind: "http-503" } : outcome,
    ),
    steps: [],
    operations: tallyOf(50).toJSON(),
    health: result.health,
  });
  const take = keepLiveFigures(startMs);
  const figures = [250, 500, 750, 1_000, 1_250, 1_500]
    .map((atMs) => take(told(atMs, atMs / 5, atMs > 1_000 ? 5 : 0)))
    .at(-1);
  if (figures === undefined) throw new Error("nothing was told");

  test("rates are of the last second, and counts of all", () => {
    expect(figures).toMatchObject({
      elapsedMs: 1_500,
      intended: 300,
      ended: 300,
      notOk: 10,
      errors: [["http-503", 10]],
      lastSecond: { intendedPerSecond: 200, startedPerSecond: 200, endedPerSecond: 200 },
    });
    expect([figures.recent.count, figures.soFar.count]).toEqual([200, 300]);
  });

  test.each([40, 80, 160])("the panel fits %i columns", (columns) => {
    const options = { title: "shopper at 200/s", baseUrl: "http://127.0.0.1:8080", durationMs: 10_000 };
    const lines = loadPanel(figures, { ...options, isStopping: false, colors, columns });
    for (const line of lines) expect([...line].length, line).toBeLessThan(columns);
    for (const shown of [
      "1 s of 10 s",
      "200/s asked",
      "3 under way",
      "p99 50 ms",
      "10 not ok (3.33 %): http-503 10",
    ])
      expect(lines.join("\n")).toContain(shown);
  });
});
