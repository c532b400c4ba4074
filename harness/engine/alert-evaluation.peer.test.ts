import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../test/free-port.fixture.ts";
import type { AlertExpectation } from "../experiment/alert-expectation.ts";
import { openMetricsText } from "../observe/openmetrics-text.ts";
import { servePrometheus } from "../observe/prometheus.ts";
import { readRecordedMetrics } from "../observe/recorded-metrics.ts";
import { readAlertLog, type AlertLog } from "../record/alert-log.ts";
import { openMetricsLog, type MetricsLine } from "../record/metrics-log.ts";
import { runFolder, type RunFolder } from "../record/run-folder.ts";
import { loadTarget } from "../target/load-target.ts";
import { findAlerts, keepAlerts } from "./alert-evaluation.ts";
import { judgeAlert } from "./judge-alert.ts";

// Runs whose metrics are written here, second by second, before the real promtool and the shop's own rules.
const prometheus = process.env["PROMETHEUS"] ?? "/usr/bin/prometheus";
const promtool = process.env["PROMTOOL"] ?? "/usr/bin/promtool";
const shop = loadTarget(join(import.meta.dirname, "../../target-system/target.yaml"));

const root = mkdtempSync(join(tmpdir(), "squall-alerts-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Epoch milliseconds of the load's zero; the first scrape comes a little later, as it does. */
const zeroMs = 1_795_000_000_000;
const baselineMs = 5_000;
const faultMs = 40_000;
const endMs = 80_000;
const perSecond = 10;

/** Checkouts at the gateway, ten a second. @param badRatioAt the share that fails in a second; undefined: no scrape */
function checkouts(badRatioAt: (second: number) => number | undefined): readonly MetricsLine[] {
  let [bad, good] = [0, 0];
  return Array.from({ length: endMs / 1_000 }, (_, second): MetricsLine => {
    const badRatio = badRatioAt(second);
    bad += perSecond * (badRatio ?? 0);
    good += perSecond * (1 - (badRatio ?? 0));
    const common = { job: "gateway", instance: "gateway", durationMs: 3 };
    const atMs = zeroMs + second * 1_000 + 137 + (second % 7) * 20; // never quite on time
    if (badRatio === undefined)
      return { event: "scrape-failed", ...common, atMs, message: "connect ECONNREFUSED" };
    const series = (suffix: string, labels: string, value: number): string =>
      `http_server_request_duration_seconds_${suffix}{method="POST",route="/api/checkout",${labels}} ${value}\n`;
    const body =
      "# TYPE http_server_request_duration_seconds histogram\n" +
      series("bucket", 'status="200",le="1.5"', good) +
      series("bucket", 'status="200",le="+Inf"', good) +
      series("count", 'status="200"', good) +
      (bad === 0 ? "" : series("count", 'status="503"', bad));
    return { event: "scraped", ...common, atMs, contentType: "text/plain; version=0.0.4", body };
  });
}

function runOf(lines: readonly MetricsLine[]): RunFolder {
  const folder = runFolder(mkdtempSync(join(root, "run-")));
  mkdirSync(folder.metrics);
  const log = openMetricsLog(folder.scrapes);
  log.append({ event: "recording-began", version: 1, run: "a-run", everyMs: 1_000 });
  for (const line of lines) log.append(line);
  log[Symbol.dispose]();
  const journal = [
    { atMs: zeroMs, event: "phase-started", phase: "warmup" },
    { atMs: zeroMs + baselineMs, event: "phase-started", phase: "baseline" },
    { atMs: zeroMs + faultMs, event: "phase-started", phase: "fault" },
    { atMs: zeroMs + faultMs, event: "fault-injected", fault: "f1", faultKind: "down", detail: "" },
  ];
  writeFileSync(folder.journal, journal.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return folder;
}

async function evaluated(
  folder: RunFolder,
  alert = "CheckoutSuccessBurnRate",
  alerts = shop.alerts,
): Promise<AlertLog> {
  const alertsOf = [{ alert, expects: "stays-silent" as const }];
  const expected = await findAlerts(
    { hypothesis: [{ kind: "alerts", alerts: alertsOf }] },
    { alerts },
    promtool,
  );
  if (expected === undefined) throw new Error("expected alerts");
  await keepAlerts(expected, folder);
  const log = readAlertLog(folder.alerts);
  if (log === undefined) throw new Error("expected an alert log");
  return log;
}

const judged = (log: AlertLog, expectation: AlertExpectation) =>
  judgeAlert("o1", expectation, { log, zeroMs, injectedMs: faultMs, endMs });
const alert = "CheckoutSuccessBurnRate";

test("a healthy run: the alert stays silent, and one that was to fire deviates", async () => {
  const log = await evaluated(runOf(checkouts(() => 0)));
  expect(log.problem).toBeUndefined();
  expect(log).toMatchObject({
    rules: "experiment.rules.yaml",
    scale: 120,
    everyMs: 1_000,
  });
  expect(judged(log, { alert, expects: "stays-silent" }).outcome).toBe("held");
  expect(judged(log, { alert, expects: "fires", withinMs: 20_000 })).toMatchObject({
    outcome: "deviated",
    measured: "silent",
  });
});

test("half of all checkouts fail: the alert fires, later after a longer healthy time, and ends when they go well again", async () => {
  const log = await evaluated(runOf(checkouts((second) => (second >= 40 && second < 55 ? 0.5 : 0))));
  const { alert: told, ...objective } = judged(log, { alert, expects: "fires", withinMs: 10_000 });
  expect(objective.outcome).toBe("held");
  // 3 min have seen but 40 s, so that 3 % of them are bad after 2.5 s; of 30 s that are full, 7.2 % are after 4.3 s. The
  // first failures are there with the first scrape, half a second too early on average.
  const [recorded, withPast] = [told?.firing, told?.firingWithPast];
  expect([recorded?.length, withPast?.length]).toEqual([1, 1]);
  expect((recorded?.[0]?.startMs ?? 0) - faultMs).toBeGreaterThanOrEqual(1_500);
  expect((recorded?.[0]?.startMs ?? 0) - faultMs).toBeLessThanOrEqual(4_500);
  expect((withPast?.[0]?.startMs ?? 0) - faultMs).toBeGreaterThanOrEqual(3_300);
  expect((withPast?.[0]?.startMs ?? 0) - faultMs).toBeLessThanOrEqual(6_500);
  // The short windows of 5 s and 15 s see the end of it.
  expect((withPast?.[0]?.endMs ?? 0) - 55_000).toBeLessThanOrEqual(16_000);

  expect(judged(log, { alert, expects: "stays-silent" }).outcome).toBe("deviated");
  const between = ((recorded?.[0]?.startMs ?? 0) + (withPast?.[0]?.startMs ?? 0)) / 2 - faultMs;
  expect(judged(log, { alert, expects: "fires", withinMs: between }).outcome).toBe("inconclusive");
  expect(judged(log, { alert, expects: "fires", withinMs: 1_000 })).toMatchObject({ outcome: "deviated" });
});

test("a few failures, below what an alert takes for a fire: silent, however long the windows were", async () => {
  const log = await evaluated(runOf(checkouts((second) => (second >= 40 ? 0.02 : 0))));
  expect(judged(log, { alert, expects: "stays-silent" })).toMatchObject({
    outcome: "held",
    why: expect.stringMatching(/ratio_rate15s\S* reached 0\.02 \(fires > 0\.03\)/) as string,
  });
});

test("scrapes that fail: what they had is gone at once, and silence says nothing", async () => {
  const log = await evaluated(runOf(checkouts((second) => (second >= 45 ? undefined : 0))));
  const [first] = log.alerts;
  const there = first?.series.map((count) => count !== null) ?? [];
  expect(there.indexOf(true)).toBeLessThanOrEqual(1);
  expect(there.lastIndexOf(true)).toBe(45); // scraped a little after the second, evaluated on it
  expect(judged(log, { alert, expects: "stays-silent" }).outcome).toBe("inconclusive");
});

const rangeSchema = z.object({
  data: z.object({ result: z.array(z.object({ values: z.array(z.tuple([z.number(), z.string()])) })) }),
});

test("each value is what a Prometheus answers that has the run's metrics", async () => {
  const folder = runOf(checkouts((second) => (second >= 40 && second < 55 ? 0.5 : 0.01)));
  const log = await evaluated(folder);
  const metrics = await readRecordedMetrics(folder.scrapes);
  await using server = await servePrometheus({
    prometheus,
    promtool,
    text: openMetricsText(metrics),
    listen: { host: "127.0.0.1", port: await freePort() },
    lookbackMs: 3_000,
  });
  const requests = 'http_server_request_duration_seconds_count{job="gateway"';
  const startMs = log.startMs + 35_000;
  for (const window of ["5s", "15s", "30s", "3m"]) {
    const query = new URLSearchParams({
      query: `sum(rate(${requests},status="503"}[${window}])) / sum(rate(${requests}}[${window}]))`,
      start: `${startMs / 1_000}`,
      end: `${(startMs + 30_000) / 1_000}`,
      step: "1",
    });
    const response = await fetch(`${server.url}/api/v1/query_range?${query.toString()}`);
    const answered = rangeSchema.parse(await response.json()).data.result[0]?.values ?? [];
    expect(answered.length).toBe(31);
    const condition = log.alerts[0]?.conditions.find(({ expr }) => expr.includes(`rate${window}{`));
    for (const [atSeconds, value] of answered) {
      const index = Math.round(atSeconds - log.startMs / 1_000);
      // Times are rounded to 100 ms, which moves a sample in or out of a window at most.
      expect(Math.abs((condition?.values[index] ?? NaN) - Number(value)), `${window} ${index}`).toBeLessThan(
        0.08,
      );
    }
  }
});

test("for, recordings of recordings and the order of groups are Prometheus' own", async () => {
  const rules = join(root, "own.rules.yaml");
  writeFileSync(
    rules,
    `groups:
  - name: z-first
    interval: 1s
    rules:
      - { record: "failed", expr: 'increase(http_server_request_duration_seconds_count{status="503"}[3s])' }
      - { record: "failed:sum", expr: "sum(failed)" }
  - name: a-then
    interval: 1s
    rules:
      - { alert: Failing, expr: "failed:sum > 0", for: 6s }
`,
  );
  const log = await evaluated(
    runOf(checkouts((second) => (second === 30 || second === 42 || second >= 50 ? 0.5 : 0))),
    "Failing",
    { rules, scale: 1 },
  );
  const [alertOf] = log.alerts;
  const pending = alertOf?.conditions[0]?.values.map((value) => (value ?? 0) > 0) ?? [];
  const firing = alertOf?.firing.map((count) => (count ?? 0) > 0) ?? [];
  // One second of failures is over before 6 s are; from the 50th on they stay.
  expect(pending.slice(42, 46)).toContain(true);
  const since = pending.indexOf(true, 48);
  expect(firing.indexOf(true)).toBe(since + 6);
});

test("rules that promtool does not understand refuse the run", async () => {
  const rules = join(root, "wrong.rules.yaml");
  writeFileSync(rules, 'groups: [{ name: a, rules: [{ alert: Wrong, expr: "sum(" }] }]\n');
  await expect(evaluated(runOf([]), "Wrong", { rules, scale: 1 })).rejects.toMatchObject({
    code: "SQUALL_PREFLIGHT",
    message: expect.stringContaining("wrong.rules.yaml") as string,
  });
});

test("a run without metrics, or a promtool that fails, is told in the log", async () => {
  const none = await evaluated(runOf([]));
  expect(none.problem).toBe("the run left no metrics");
  expect(judged(none, { alert, expects: "stays-silent" })).toMatchObject({
    outcome: "inconclusive",
    why: "the run left no metrics",
  });
});
