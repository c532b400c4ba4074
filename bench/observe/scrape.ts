/**
 * What it costs to scrape 12 targets each second and to keep what they say, on the engine's thread, and how soon it is read
 * again.
 *
 *   node bench/observe/scrape.ts [--seconds 20] [--targets 12] [--series 600]
 *
 * The targets are a process of their own; each says as many series as asked for, a third of which change from scrape to
 * scrape (the shop's services say 170 to 550). What is timed is the process that records, with all its threads, by
 * processor time, so that what else the machine does counts little; five seconds before that warm it up. Exits 1 when the
 * goal is missed. About half a minute.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createHarnessMetrics } from "../../harness/engine/harness-metrics.ts";
import { recordMetrics } from "../../harness/observe/metrics-recorder.ts";
import { openMetricsText } from "../../harness/observe/openmetrics-text.ts";
import { readRecordedMetrics } from "../../harness/observe/recorded-metrics.ts";
import { atMost, goalTable, percent } from "../goals.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    targets: { type: "string", default: "12" },
    series: { type: "string", default: "600" },
    serve: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const targets = Number(values.targets);
const series = Number(values.series);
const warmUpMs = 5_000;
const pulseMs = 5_000;
const goalShare = 0.03;

if (values.serve) await serve();
else await measure();

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "squall-bench-scrape-"));
  const served = fork(import.meta.filename, ["--serve", "--series", String(series)]);
  try {
    const [port] = (await once(served, "message")) as [number];
    const file = join(folder, "scrapes.jsonl.gz");
    const own = createHarnessMetrics({
      run: "bench",
      planned: [],
      thresholdsMs: [],
      receiver: () => Promise.reject(new Error("there is none")),
      recorder: () => recorder.figures,
    });
    const list = Array.from({ length: targets }, (_, index) => ({
      job: `service-${index}`,
      instance: `service-${index}`,
      url: `http://127.0.0.1:${port}/metrics`,
    }));
    const recorder = recordMetrics({
      file,
      run: "bench",
      targets: () => list,
      own: { job: "squall", instance: "bench", ...own },
    });
    await delay(warmUpMs);
    const before = { cpu: process.cpuUsage(), atMs: performance.now(), ...recorder.figures };
    await delay(seconds * 1_000);
    const cpu = process.cpuUsage(before.cpu);
    const wallMs = performance.now() - before.atMs;
    const { scrapes, failed, sizeBytes } = recorder.figures;
    // Afterwards: a look at the loop a hundred times a second costs something itself.
    const pulse = monitorEventLoopDelay({ resolution: 10 });
    pulse.enable();
    await delay(pulseMs);
    pulse.disable();
    await recorder[Symbol.asyncDispose]();
    const share = (cpu.user + cpu.system) / 1_000 / wallMs;

    const reading = { cpu: process.cpuUsage(), atMs: performance.now() };
    const metrics = await readRecordedMetrics(file);
    let textBytes = 0;
    for (const piece of openMetricsText(metrics)) textBytes += piece.length;
    const read = process.cpuUsage(reading.cpu);
    const samples = metrics.targets.reduce((sum, target) => sum + target.samples, 0);
    console.table({
      "scrapes, of these failed": `${scrapes - before.scrapes}, ${failed - before.failed}`,
      "processor time a scrape": `${((share * wallMs) / (scrapes - before.scrapes)).toFixed(2)} ms`,
      "the loop stood still for": `${(pulse.max / 1e6 - 10).toFixed(1)} ms at most`,
      "on disk": `${((sizeBytes - before.sizeBytes) / seconds / 1_000).toFixed(0)} KB a second`,
      "read and told again": `${samples} samples, ${(textBytes / 1e6).toFixed(0)} MB of text in ${((read.user + read.system) / 1e6).toFixed(2)} s of processor time`,
      "of the file": `${statSync(file).size} bytes`,
    });
    const goals = [
      atMost(`share of a core, ${targets} targets of ${series} series at 1 s`, share, goalShare, percent),
    ];
    console.log(goalTable(goals));
    if (goals.some(({ outcome }) => outcome === "MISSED")) process.exitCode = 1;
  } finally {
    served.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Says metrics in the shape of a service's: histograms by route, of which some have something to tell. */
async function serve(): Promise<void> {
  let scrape = 0;
  const server = createServer((_, response) => {
    scrape += 1;
    const lines = Array.from({ length: series }, (_, index) => {
      const value = index % 3 === 0 ? index * 1_000 + scrape * 17 : index;
      const labels = `method="GET",route="/products/${Math.floor(index / 20)}",status_code="200",le="${(index % 20) / 8}"`;
      return `http_server_request_duration_seconds_bucket{${labels}} ${value}`;
    });
    response.setHeader("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.end(["# TYPE http_server_request_duration_seconds histogram", ...lines, "# EOF", ""].join("\n"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.((server.address() as AddressInfo).port);
}
