/**
 * How late journeys of two requests start against the plan, and what the driver costs, at 60, 240 and 960 a second; and at
 * 60 once more while other processes keep every processor busy. Read from the history: when the first request of a journey
 * was sent, against when the plan said.
 *
 *   node bench/load/lateness.ts
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../harness/base/clock.ts";
import { readJsonl } from "../../harness/base/jsonl.ts";
import { formatSize } from "../../harness/base/units.ts";
import { startDriver } from "../../harness/load/driver.ts";
import { historyLineSchema } from "../../harness/record/history.ts";
import { summarizeLatency, type LatencySummary } from "../../harness/stats/latency-summary.ts";
import { atMost, goalTable, milliseconds, type Goal } from "../goals.ts";
import { childRunning, cpuMsOf, peakBytesOf } from "./measured-process.ts";

const durationMs = 8_000;
const goalMs = 5;
const folder = mkdtempSync(join(tmpdir(), "squall-bench-"));
const children: ChildProcess[] = [];

interface Measured {
  readonly ratePerSecond: number;
  readonly busyProcesses: number;
  readonly intended: number;
  readonly started: number;
  readonly succeeded: number;
  readonly late: LatencySummary;
  readonly latency: LatencySummary;
  /** Of one processor; undefined where the system does not tell. */
  readonly cpuRatio: number | undefined;
  readonly peakBytes: number | undefined;
}

const goals = await measureLateness();
console.log(goalTable(goals));
process.exitCode = goals.some(({ outcome }) => outcome === "MISSED") ? 1 : 0;

async function measureLateness(): Promise<readonly Goal[]> {
  try {
    const [port] = (await once(start("server.ts"), "message")) as [number];
    const measured: Measured[] = [];
    for (const ratePerSecond of [60, 240, 960]) measured.push(await measure(port, ratePerSecond, 0));
    const busyProcesses = availableParallelism();
    for (let count = 0; count < busyProcesses; count += 1) start("busy.ts");
    measured.push(await measure(port, 60, busyProcesses));
    console.table(measured.map(rowOf));
    return measured
      .filter(({ ratePerSecond }) => ratePerSecond === 60)
      .map(({ late, busyProcesses: busy }) =>
        atMost(`60/s, ${busy} busy processes: starts late at p99 by`, late.p99Ms, goalMs, milliseconds),
      );
  } finally {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true });
  }
}

function start(script: string): ChildProcess {
  const child = fork(join(import.meta.dirname, script));
  children.push(child);
  return child;
}

async function measure(port: number, ratePerSecond: number, busyProcesses: number): Promise<Measured> {
  const historyFile = join(folder, `${ratePerSecond}-${busyProcesses}.jsonl`);
  await using driver = await startDriver(
    {
      journeysModule: join(import.meta.dirname, "journeys.ts"),
      mix: { order: 1 },
      arrivals: { kind: "poisson", ratePerSecond, durationMs },
      seed: "bench",
      baseUrl: `http://127.0.0.1:${port}`,
      historyFile,
      histogramsFile: devNull,
      maxConnections: 256,
      timeoutMs: 5_000,
    },
    () => undefined,
  );
  const pid = childRunning("driver-main.ts");
  const idleCpuMs = cpuMsOf(pid);
  driver.begin(systemClock.nowMs() + 300);
  await systemClock.sleep(durationMs);
  const cpuMs = cpuMsOf(pid);
  const peakBytes = peakBytesOf(pid);
  const { intended, started } = await driver.done;
  const journeys = readJsonl(historyFile, (line) => historyLineSchema.parse(line)).lines.filter(
    ({ kind }) => kind === "journey",
  );
  return {
    ratePerSecond,
    busyProcesses,
    intended,
    started,
    succeeded: journeys.filter(({ completion }) => completion === "ok").length,
    late: summarizeLatency(
      journeys.map(({ sentMs, endedMs, intendedMs }) => (sentMs ?? endedMs) - intendedMs),
    ),
    latency: summarizeLatency(journeys.map(({ endedMs, intendedMs }) => endedMs - intendedMs)),
    cpuRatio: cpuMs === undefined || idleCpuMs === undefined ? undefined : (cpuMs - idleCpuMs) / durationMs,
    peakBytes,
  };
}

function rowOf({ late, latency, cpuRatio, peakBytes, ...measured }: Measured) {
  return {
    "journeys/s": measured.ratePerSecond,
    "busy processes": measured.busyProcesses,
    intended: measured.intended,
    started: measured.started,
    succeeded: measured.succeeded,
    "late p50 ms": Number(late.p50Ms.toFixed(2)),
    "late p99 ms": Number(late.p99Ms.toFixed(2)),
    "late max ms": Number(late.maxMs.toFixed(2)),
    "latency p50 ms": Number(latency.p50Ms.toFixed(2)),
    "cpu %": cpuRatio === undefined ? "?" : Number((cpuRatio * 100).toFixed(1)),
    "peak memory": peakBytes === undefined ? "?" : formatSize(peakBytes),
  };
}
