import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { historyLineSchema, type HistoryLine } from "../../record/history.ts";
import type { JourneyOutcome } from "../driver.ts";
import { createIterations, type Iterations } from "./iterations.ts";
import { readK6Point, type K6Point } from "./k6-point.ts";

/** What k6 v1.8.1 wrote while it ran fixtures/endings.ts, without most lines of metrics that are not asked for. */
const recorded = readFileSync(join(import.meta.dirname, "fixtures/endings.jsonl"), "utf8").split("\n");
const points = recorded.flatMap((line) => readK6Point(line) ?? []);
const whole = "endings";
const listed = [
  "ok",
  "told",
  "told-garbage",
  "grouped",
  "bare",
  "unavailable",
  "expected",
  "slow",
  "reset",
  "cut",
  "refused",
  "checked",
  "mistaken",
  "thrown",
  "idle",
  "two",
  "busy",
];

interface Read {
  readonly iterations: Iterations;
  readonly lines: readonly HistoryLine[];
  readonly ended: readonly JourneyOutcome[];
}

function read(given: readonly K6Point[]): Read {
  const lines: HistoryLine[] = [];
  const ended: JourneyOutcome[] = [];
  const iterations = createIterations({
    journeys: new Set(listed),
    whole,
    onLine: (line) => lines.push(historyLineSchema.parse(line)),
    onEnded: (outcome) => ended.push(outcome),
  });
  for (const point of given) iterations.add(point);
  return { iterations, lines, ended };
}

const { iterations, lines, ended } = read(points);
const journeyOf = (journey: string) =>
  lines.find((line) => line.kind === "journey" && line.journey === journey);
const operationsOf = (journey: string) => {
  const arrival = journeyOf(journey)?.arrival;
  return lines.filter((line) => line.kind === "operation").filter((line) => line.arrival === arrival);
};

describe("what became of an iteration is told by its line", () => {
  const endings: Readonly<Record<string, object>> = {
    ok: { completion: "ok", operations: 1 },
    told: { completion: "ok", traceId: "0af7651916cd43dd8448eb211c80319c" },
    "told-garbage": {
      completion: "fail",
      error: { kind: "journey-error", message: "what it was told is no mapping of plain values: [1]" },
    },
    unavailable: { completion: "fail", error: { kind: "http-503", message: "answered 503" } },
    expected: { completion: "ok" },
    slow: { completion: "unknown", error: { kind: "timeout", message: "request timeout" } },
    reset: { completion: "unknown", error: { kind: "reset", message: "read: connection reset by peer" } },
    cut: { completion: "unknown", error: { kind: "reset", message: "unexpected EOF" } },
    refused: { completion: "fail", error: { kind: "refused", message: "dial: connection refused" } },
    checked: { completion: "fail", error: { kind: "check", message: "the moon is full" } },
    mistaken: { completion: "fail", error: { kind: "journey-error", message: "a mistake in the journey" } },
    // k6 does not say which iteration threw: counted from its log, and told in the verdict.
    thrown: { completion: "ok", operations: 1 },
    idle: {
      completion: "fail",
      error: { kind: "journey-error", message: "it made no request over HTTP" },
      operations: 0,
    },
    two: { completion: "fail", error: { kind: "http-503" }, operations: 2 },
  };

  it.each(Object.entries(endings))("%s", (name, expected) => {
    expect(journeyOf(name)).toMatchObject(expected);
    const journey = journeyOf(name);
    expect(operationsOf(name)).toHaveLength(journey?.kind === "journey" ? journey.operations : -1);
  });
});

test("what was never sent has no time of sending, and what was has one after its start", () => {
  expect(journeyOf("refused")).not.toHaveProperty("sentMs");
  expect(operationsOf("refused")[0]).not.toHaveProperty("sentMs");
  const sent = lines.filter(({ sentMs }) => sentMs !== undefined);
  expect(sent.length).toBeGreaterThan(10);
  for (const { intendedMs, sentMs, endedMs } of sent) {
    expect(sentMs).toBeGreaterThanOrEqual(intendedMs);
    expect(endedMs).toBeGreaterThanOrEqual(sentMs ?? Infinity);
  }
});

test("an operation begins before it waits for its connection", () => {
  const blocked = points.filter(
    ({ metric, tags }) => metric === "http_req_blocked" && tags["scenario"] !== undefined,
  );
  const waits = lines
    .filter(({ kind, sentMs }) => kind === "operation" && sentMs !== undefined)
    .map(({ intendedMs, sentMs }) => (sentMs ?? NaN) - intendedMs);
  expect(Math.max(...waits)).toBeCloseTo(Math.max(...blocked.map(({ value }) => value)), 2);
  expect(Math.max(...waits)).toBeGreaterThan(0.5);
});

test("a journey lasts as long as its iteration did, not only its requests", () => {
  const journey = journeyOf("two");
  const point = points.find(
    ({ metric, tags }) => metric === "iteration_duration" && tags["journey"] === "two",
  );
  expect((journey?.endedMs ?? 0) - (journey?.intendedMs ?? 0)).toBeCloseTo(point?.value ?? NaN, 3);
  expect(point?.value).toBeGreaterThan(50);
});

test("what the client was told is on the request before it", () => {
  expect(operationsOf("told")).toMatchObject([
    { told: { orderId: "o-1", totalCents: 1200 }, traceId: "0af7651916cd43dd8448eb211c80319c" },
  ]);
});

test("a step is what its tag says, else its group, else its request, without the query", () => {
  expect(operationsOf("ok")).toMatchObject([{ step: "ok", method: "GET", route: "/ok", status: 200 }]);
  expect(operationsOf("grouped")).toMatchObject([{ step: "pay", route: "/ok" }]);
  expect(operationsOf("bare")).toMatchObject([{ step: "GET /ok", route: "/ok" }]);
  expect(JSON.stringify(lines)).not.toContain("4111");
});

test("a journey that is not listed counts as the script's, and one without a tag is named by its scenario", () => {
  expect(lines.some(({ journey }) => journey === "unlisted")).toBe(false);
  expect(operationsOf(whole)).toMatchObject([{ journey: whole, step: "ok" }]);
  expect(journeyOf("busy")).toMatchObject({ completion: "ok" });
});

test("setup() and teardown() are no journeys", () => {
  const requests = points.filter(({ metric }) => metric === "http_req_duration");
  const operations = lines.filter(({ kind }) => kind === "operation");
  expect(requests.filter(({ tags }) => /^::(setup|teardown)$/.test(tags["group"] ?? ""))).toHaveLength(2);
  expect(operations).toHaveLength(requests.length - 2);
});

test("every iteration has one line, an arrival of its own, and was told as ended; dropped ones are counted", () => {
  const journeys = lines.filter(({ kind }) => kind === "journey");
  expect(journeys).toHaveLength(points.filter(({ metric }) => metric === "iteration_duration").length);
  expect(new Set(journeys.map(({ arrival }) => arrival)).size).toBe(journeys.length);
  expect(ended.map(({ arrival }) => arrival)).toEqual(journeys.map(({ arrival }) => arrival));
  expect(iterations).toMatchObject({ started: journeys.length, underWay: 0 });
  // 20 a second for a second, and one virtual user that each keeps busy for 300 ms.
  expect(iterations.dropped).toBe(points.filter(({ metric }) => metric === "dropped_iterations").length);
  expect(iterations.dropped).toBeGreaterThan(10);
});

test("what is under way when k6 is gone did not come to its end", () => {
  const cutAt = points.findIndex(
    ({ metric, tags }) => metric === "iteration_duration" && tags["journey"] === "two",
  );
  const cut = read(points.slice(0, cutAt).filter(({ tags }) => tags["journey"] === "two"));
  expect(cut.iterations).toMatchObject({ started: 1, underWay: 1 });
  expect(cut.ended).toEqual([]);
  const atMs = (points[cutAt]?.atMs ?? 0) + 1_000;
  cut.iterations.end(atMs);
  expect(cut.iterations.underWay).toBe(0);
  expect(cut.lines.at(-1)).toMatchObject({
    kind: "journey",
    completion: "fail",
    endedMs: atMs,
    operations: 2,
  });

  const started = read(
    points.filter(({ metric, tags }) => tags["journey"] === "ok" && metric !== "iteration_duration"),
  );
  started.iterations.end(atMs);
  expect(started.lines.at(-1)).toMatchObject({
    completion: "fail",
    error: { kind: "not-sent", message: "the load was over before its last step" },
  });
});
