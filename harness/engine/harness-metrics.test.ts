import { expect, test } from "vitest";
import type { JourneyOutcome, JourneyProgress, LoadProgress } from "../load/driver.ts";
import { createTally } from "../load/recording/tally.ts";
import { parseExposition } from "../observe/exposition.ts";
import type { PlannedFault } from "./fault-plan.ts";
import { createHarnessMetrics, type HarnessMetrics, type HarnessMetricsOptions } from "./harness-metrics.ts";

const run = "2026-11-21T10-00-00-a-run";
const planned: readonly PlannedFault[] = [
  { id: "f1", fault: { kind: "down", edge: { caller: "order", callee: "payment" } }, lease: "l", place: "p" },
  { id: "f2", fault: { kind: "kill", process: "order-db", isRestarted: false }, lease: "l" },
];
const options: HarnessMetricsOptions = {
  run,
  planned,
  thresholdsMs: [1_500, 250],
  receiver: () => Promise.reject(new Error("there is none")),
  recorder: () => ({ scrapes: 12, failed: 2, targets: 3, sizeBytes: 1, problem: undefined }),
};
const fault = { faultKind: "down", detail: "" };

/** Series whose name begins so, and their values. */
async function valuesOf(metrics: HarnessMetrics, name: string): Promise<Readonly<Record<string, number>>> {
  const { samples } = parseExposition(await metrics.text(), metrics.contentType);
  return Object.fromEntries(
    samples
      .filter(({ series }) => series.startsWith(name))
      .map(({ series, value }) => [series.replace(`,run="${run}"`, "").slice(name.length), value]),
  );
}

test("a fault is 0 before it is in place, 1 while it is, and 0 after", async () => {
  const metrics = createHarnessMetrics(options);
  const f1 = '{fault="f1",kind="down",edge="order -> payment"}';
  const f2 = '{fault="f2",kind="kill",process="order-db"}';
  const active = () => valuesOf(metrics, "chaos_fault_active");
  expect(await active()).toEqual({ [f1]: 0, [f2]: 0 });
  expect(metrics.takeEvent({ event: "fault-injected", fault: "f1", ...fault })).toBe(true);
  expect(await active()).toEqual({ [f1]: 1, [f2]: 0 });
  metrics.takeEvent({ event: "fault-injected", fault: "f2", ...fault });
  // Nobody knows that it is gone.
  metrics.takeEvent({ event: "undo-failed", fault: "f2", message: "no answer" });
  metrics.takeEvent({ event: "fault-undone", fault: "f1", by: "plan", durationMs: 1 });
  expect(await active()).toEqual({ [f1]: 0, [f2]: 1 });
  expect(metrics.takeEvent({ event: "collected", detail: "" })).toBe(false);
});

test("the run is in one phase at most", async () => {
  const metrics = createHarnessMetrics(options);
  const phases = async () =>
    Object.entries(await valuesOf(metrics, "chaos_run_phase"))
      .filter(([, value]) => value === 1)
      .map(([labels]) => labels);
  expect(await phases()).toEqual([]);
  for (const phase of ["baseline", "fault"] as const) {
    metrics.takeEvent({ event: "phase-started", phase });
    expect(await phases()).toEqual([`{phase="${phase}"}`]);
  }
  metrics.takeEvent({ event: "load-ended", intended: 1, started: 1 });
  expect(await phases()).toEqual(['{phase="settling"}']);
});

const ended = (
  completion: JourneyOutcome["completion"],
  tookMs: number,
  errorKind?: string,
): JourneyOutcome => ({
  journey: "buy",
  arrival: 0,
  completion,
  intendedMs: 1_000,
  endedMs: 1_000 + tookMs,
  ...(errorKind === undefined ? {} : { errorKind }),
});
const progress: JourneyProgress = {
  atMs: 2_000,
  intended: 10,
  started: 9,
  underWay: 5,
  ended: [ended("ok", 200), ended("fail", 1_400, "http-503"), ended("fail", 0, "not-sent")],
  steps: [{ journey: "buy", step: "pay", completion: "ok", count: 3 }],
};

test("the load's figures add up from progress to progress", async () => {
  const metrics = createHarnessMetrics(options);
  metrics.takeProgress(progress);
  metrics.takeProgress({ ...progress, intended: 20, started: 18, underWay: 0 });
  expect(await valuesOf(metrics, "squall_load_operations_total")).toEqual({
    '{journey="buy",step="pay",completion="ok"}': 6,
  });
  expect(await valuesOf(metrics, "squall_load_journeys_total")).toEqual({
    '{journey="buy",completion="ok"}': 2,
    '{journey="buy",completion="fail"}': 4,
  });
  expect(await valuesOf(metrics, "squall_load_journey_errors_total")).toEqual({
    '{journey="buy",error="http-503"}': 2,
    '{journey="buy",error="not-sent"}': 2,
  });
  expect(await valuesOf(metrics, "squall_load_arrivals_total")).toEqual({ "": 20 });
  expect(await valuesOf(metrics, "squall_load_starts_total")).toEqual({ "": 18 });
  expect(await valuesOf(metrics, "squall_load_under_way")).toEqual({ "": 0 });
});

test("latency has a bound at each threshold of the hypothesis, and leaves out what was never sent", async () => {
  const metrics = createHarnessMetrics(options);
  metrics.takeProgress(progress);
  const durations = await valuesOf(metrics, "squall_load_journey_duration_seconds");
  expect(durations['_bucket{le="0.25",journey="buy"}']).toBe(1);
  expect(durations['_bucket{le="1",journey="buy"}']).toBe(1);
  expect(durations['_bucket{le="1.5",journey="buy"}']).toBe(2);
  expect(durations['_count{journey="buy"}']).toBe(2);
  expect(durations['_sum{journey="buy"}']).toBeCloseTo(1.6);
});

test("what Squall's own driver says of itself is told in seconds; k6 says nothing", async () => {
  const metrics = createHarnessMetrics(options);
  metrics.takeProgress(progress);
  expect(await valuesOf(metrics, "squall_load_start_lateness_p99_seconds")).toEqual({ "": 0 });
  const own: LoadProgress = {
    ...progress,
    users: 1,
    operations: createTally().toJSON(),
    health: { lateP99Ms: 3, lateMaxMs: 40, cpuShare: 0.25, stallMaxMs: 100 },
  };
  metrics.takeProgress(own);
  expect(await valuesOf(metrics, "squall_load_start_lateness_p99_seconds")).toEqual({ "": 0.003 });
  expect(await valuesOf(metrics, "squall_load_driver_stall_max_seconds")).toEqual({ "": 0.1 });
});

test("the receiver is asked without being waited for, and an answer that fails leaves what it said before", async () => {
  const order = {
    spans: 7,
    bytes: 1,
    firstReceivedAtMs: 0,
    lastReceivedAtMs: 0,
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
  };
  const said = {
    ...{ spans: 7, requests: 2, bytes: 900, dropped: 3, rejected: 1, refused: 4 },
    duplicates: { requests: 5, spans: 9 },
    services: { order },
  };
  const hanging = new Promise<never>(() => undefined);
  const answers = [Promise.resolve(said), Promise.reject(new Error("gone")), hanging];
  const metrics = createHarnessMetrics({ ...options, receiver: () => answers.shift() ?? hanging });
  const spans = () => valuesOf(metrics, "squall_receiver_spans_total");
  expect(await spans()).toEqual({});
  for (const _ of [1, 2, 3, 4]) expect(await spans()).toEqual({ '{service="order"}': 7 });
  expect(answers).toEqual([]);
  expect(await valuesOf(metrics, "squall_receiver_dropped_spans_total")).toEqual({ "": 3 });
  expect(await valuesOf(metrics, "squall_receiver_requests_total")).toEqual({
    '{outcome="taken"}': 2,
    '{outcome="duplicate"}': 5,
    '{outcome="refused"}': 4,
  });
  expect(await valuesOf(metrics, "squall_scrapes_total")).toEqual({
    '{outcome="answered"}': 10,
    '{outcome="failed"}': 2,
  });
});
