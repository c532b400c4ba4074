import { z } from "zod";
import { openMetricsText } from "../harness/observe/openmetrics-text.ts";
import { servePrometheus } from "../harness/observe/prometheus.ts";
import { readRecordedMetrics } from "../harness/observe/recorded-metrics.ts";
import type { RunFolder } from "../harness/record/run-folder.ts";
import { freePort } from "../test/free-port.fixture.ts";
import { ruleSets, rulesOf } from "./generated.ts";
import { boardQueries, withoutRecordings } from "./queries.ts";
import { type AlertRule, type RecordingRule } from "./slo-rules.ts";

/**
 * What boards and rules find in the metrics of a finished run, once a real Prometheus has them as `squall metrics --serve`
 * gives them to it.
 */
export interface RunAnswers {
  /** What boards and recordings ask that has no value at any second of the run. */
  readonly empty: readonly string[];
  /** Alerts whose condition held at some second of it. */
  readonly alerts: readonly string[];
}

const prometheus = process.env["PROMETHEUS"] ?? "/usr/bin/prometheus";
const promtool = process.env["PROMTOOL"] ?? "/usr/bin/promtool";
const lookbackMs = 3_000;

const answerSchema = z.object({
  status: z.literal("success"),
  data: z.object({ result: z.array(z.unknown()) }),
});

export async function askRun({ scrapes }: RunFolder): Promise<RunAnswers> {
  const metrics = await readRecordedMetrics(scrapes);
  const times = metrics.targets.flatMap((target) => target.scrapes.map(({ atMs }) => atMs));
  const [start, end] = [Math.min(...times) / 1_000, Math.max(...times) / 1_000];
  const listen = { host: "127.0.0.1", port: await freePort() };
  await using server = await servePrometheus({
    ...{ prometheus, promtool, listen, lookbackMs },
    text: openMetricsText(metrics),
  });

  const hasData = async (query: string): Promise<boolean> => {
    const body = new URLSearchParams({ query, start: `${start}`, end: `${end}`, step: "1" });
    const response = await fetch(`${server.url}/api/v1/query_range`, { method: "POST", body });
    const { data } = answerSchema.parse(await response.json());
    return data.result.length > 0;
  };
  const only = async <T>(asked: readonly T[], query: (one: T) => string, isWanted: boolean): Promise<T[]> => {
    const found = await Promise.all(asked.map((one) => hasData(query(one))));
    return asked.filter((_, index) => found[index] === isWanted);
  };

  const rules = Object.values(ruleSets).flatMap((set) => rulesOf(set).flatMap((group) => group.rules));
  const recordings = rules.filter((rule): rule is RecordingRule => "record" in rule);
  const alerts = rules.filter((rule): rule is AlertRule => "alert" in rule);
  const asked = [
    ...boardQueries().map(({ asked, query }) => ({ asked, query: withoutRecordings(query, recordings) })),
    ...recordings.map(({ record, expr, labels }) => ({
      asked: `${record} of ${labels["slo"]}`,
      query: expr,
    })),
  ];
  return {
    empty: (await only(asked, ({ query }) => query, false)).map((one) => one.asked),
    alerts: (await only(alerts, ({ expr }) => withoutRecordings(expr, recordings), true)).map(
      ({ alert, labels }) => `${alert} ${labels["severity"]}`,
    ),
  };
}
