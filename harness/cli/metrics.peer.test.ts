import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Counter, Histogram, Registry, type OpenMetricsContentType } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../test/free-port.fixture.ts";
import { waitFor } from "../base/wait.ts";
import type { PlannedFault } from "../engine/fault-plan.ts";
import { createHarnessMetrics } from "../engine/harness-metrics.ts";
import { recordMetrics } from "../observe/metrics-recorder.ts";
import { runFolder } from "../record/run-folder.ts";
import { fakeHost } from "./fake-host.ts";
import { main } from "./main.ts";

// A service that is asked ten times a second is scraped each second; then a real Prometheus has its metrics.
const env = {
  SQUALL_PROMETHEUS: process.env["PROMETHEUS"] ?? "/usr/bin/prometheus",
  SQUALL_PROMTOOL: process.env["PROMTOOL"] ?? "/usr/bin/promtool",
};
const requestEveryMs = 100;
const partMs = 4_000;
const run = "2026-11-21T10-00-00-a-run";

let runs: string;
/** Epoch milliseconds: when the fault began, and when it ended. */
let beganMs: number;
let endedMs: number;

beforeAll(async () => {
  runs = mkdtempSync(join(tmpdir(), "squall-metrics-peer-"));
  const folder = runFolder(join(runs, run));
  mkdirSync(folder.metrics, { recursive: true });

  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [registry];
  const labelNames = ["route"];
  const requests = new Counter({ name: "http_requests_total", help: "Requests.", labelNames, registers });
  const seconds = new Histogram({
    name: "http_request_duration_seconds",
    help: "How long.",
    labelNames,
    buckets: [0.1, 1],
    enableExemplars: true,
    registers,
  });
  let isDown = false;
  const server = createServer((_, response) => {
    if (isDown) return void response.writeHead(503).end();
    response.setHeader("content-type", registry.contentType);
    void registry.metrics().then((text) => response.end(text));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  const asking = setInterval(() => {
    requests.inc({ route: "/orders/:id" });
    seconds.observe({
      labels: { route: "/orders/:id" },
      value: 0.3,
      exemplarLabels: { trace_id: "4bf92f3577b34da6a3ce929d0e0e4736" },
    });
  }, requestEveryMs);

  const planned: readonly PlannedFault[] = [
    {
      id: "f1",
      fault: { kind: "down", edge: { caller: "order", callee: "payment" } },
      lease: "l",
      place: "p",
    },
  ];
  const own = createHarnessMetrics({
    run,
    planned,
    thresholdsMs: [],
    receiver: () => Promise.reject(new Error("there is none here")),
    recorder: () => recorder.figures,
  });
  const recorder = recordMetrics({
    file: folder.scrapes,
    run,
    targets: () => [{ job: "order", instance: "order-2", url }],
    own: { job: "squall", instance: run, ...own },
  });
  const take = (event: Parameters<typeof own.takeEvent>[0]): void => {
    if (own.takeEvent(event)) recorder.recordOwn();
  };
  await delay(partMs);
  const what = { fault: "f1", edge: "order -> payment" } as const;
  take({ event: "fault-injected", ...what, faultKind: "down", detail: "" });
  beganMs = Date.now();
  isDown = true;
  await delay(partMs);
  take({ event: "fault-undone", fault: "f1", by: "plan", durationMs: 1 });
  endedMs = Date.now();
  isDown = false;
  await delay(partMs);
  await recorder[Symbol.asyncDispose]();
  clearInterval(asking);
  server.close();
  server.closeAllConnections();
});
afterAll(() => rmSync(runs, { recursive: true, force: true }));

const answerSchema = z.object({
  status: z.literal("success"),
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
});

const foldersOfPrometheus = (): readonly string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("squall-prometheus-"));

test("a real Prometheus has the run: rates, the fault's window, what was absent as absent; Ctrl-C leaves nothing", async () => {
  const before = foldersOfPrometheus();
  const port = await freePort();
  const host = fakeHost(["metrics", run, "--runs", runs, "--serve", "--listen", `127.0.0.1:${port}`], {
    env,
  });
  const serving = main(host);
  try {
    const told = await waitFor(
      { what: "the URL is told", withinMs: 60_000 },
      () => /http:\/\/\S+/.exec(host.out())?.[0],
    );
    expect(foldersOfPrometheus()).toHaveLength(before.length + 1);
    const page = new URL(told);
    expect([page.host, page.pathname, page.searchParams.get("g0.expr")]).toEqual([
      `127.0.0.1:${port}`,
      "/graph",
      "chaos_fault_active",
    ]);
    // The page's window is the run's.
    const end = Date.parse(`${page.searchParams.get("g0.end_input")?.replace(" ", "T")}Z`);
    const start = end - Number(page.searchParams.get("g0.range_input")?.replace("s", "")) * 1_000;
    expect(start).toBeLessThan(beganMs - partMs / 2);
    expect(end).toBeGreaterThan(endedMs + partMs / 2);

    const query = async (expression: string) => {
      const range = { query: expression, start: `${start / 1_000}`, end: `${end / 1_000}`, step: "0.1" };
      const response = await fetch(
        `${page.origin}/api/v1/query_range?${new URLSearchParams(range).toString()}`,
      );
      return answerSchema.parse(await response.json()).data.result;
    };

    const [rate, ...others] = await query("rate(http_requests_total[5s])");
    expect(others).toEqual([]);
    expect(rate?.metric).toEqual({ job: "order", instance: "order-2", route: "/orders/:id" });
    const rates = rate?.values.map(([, value]) => Number(value)) ?? [];
    expect(rates.length).toBeGreaterThan(20);
    expect(Math.max(...rates)).toBeGreaterThan(1);
    expect(Math.max(...rates)).toBeLessThanOrEqual(1.5 * (1_000 / requestEveryMs));

    const [active] = await query("chaos_fault_active == 1");
    expect(active?.metric).toMatchObject({
      fault: "f1",
      kind: "down",
      edge: "order -> payment",
      run,
      job: "squall",
    });
    const times = active?.values.map(([atSeconds]) => atSeconds * 1_000) ?? [];
    expect(Math.abs(Math.min(...times) - beganMs)).toBeLessThan(500);
    expect(Math.abs(Math.max(...times) - endedMs)).toBeLessThan(500);

    const [up] = await query('up{job="order"}');
    expect(new Set(up?.values.map(([, value]) => value))).toEqual(new Set(["0", "1"]));
    // 4 s without a scrape, of which a series outlives the first 3.
    const gone =
      (await query('http_requests_total{job="order"}'))[0]?.values.map(([atSeconds]) => atSeconds) ?? [];
    expect(Math.max(...gone.slice(1).map((at, index) => at - (gone[index] as number)))).toBeGreaterThan(0.5);

    const [quantile] = await query("histogram_quantile(0.5, rate(http_request_duration_seconds_bucket[5s]))");
    expect(Number(quantile?.values.at(-1)?.[1])).toBeCloseTo(0.55, 1);
  } finally {
    host.signal("SIGINT");
  }
  expect(await serving).toBe(0);
  expect(host.err()).toBe("promtool makes blocks of them\n");
  await expect(fetch(`http://127.0.0.1:${port}/-/ready`)).rejects.toThrow();
  expect(foldersOfPrometheus()).toEqual(before);
});

test("a Prometheus that cannot have the port is said to, with nothing left behind", async () => {
  const before = foldersOfPrometheus();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const host = fakeHost(["metrics", run, "--runs", runs, "--serve", "--listen", `127.0.0.1:${port}`], {
    env,
  });
  expect(await main(host)).toBe(3);
  expect(host.err()).toContain("SQUALL_PORT_IN_USE");
  expect(foldersOfPrometheus()).toEqual(before);
  server.close();
});

test("what --openmetrics gives out ends as it should and holds the exemplars, which blocks do not", async () => {
  const host = fakeHost(["metrics", run, "--runs", runs, "--openmetrics"], { env });
  expect(await main(host)).toBe(0);
  expect(host.out()).toMatch(
    /_bucket\{[^}]*le="1"[^}]*\} \d+ \d+\.\d{3} # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} 0\.3 /,
  );
  expect(host.out().endsWith("# EOF\n")).toBe(true);
});
