import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readJsonl } from "../../harness/base/jsonl.ts";
import { startDriver } from "../../harness/load/driver.ts";
import { historyLineSchema } from "../../harness/record/history.ts";
import type { Fleet } from "../../harness/runtimes/runtime.ts";
import { summarizeLatency, type LatencySummary } from "../../harness/stats/latency-summary.ts";
import { tokensVariable, type journeys } from "./journeys.ts";
import { byProcess, cpuMs, less, processesOf, type ByProcess } from "./process-figures.ts";

export type Asked = keyof typeof journeys;

export interface CostOfRequests {
  readonly asked: number;
  readonly answered: number;
  readonly latency: LatencySummary;
  /** Processor time of each process for one request, in milliseconds. */
  readonly cpuMs: ByProcess;
}

export interface RequestsOptions {
  readonly what: Asked;
  readonly ratePerSecond: number;
  /** Asked at the same rate, and not counted. */
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** What follows a request (the mail of an order) is to be done before the processor time is read. */
const settleMs = 1_000;
const users = 10;

/** Asks for one thing at a steady rate, as an open model does: whatever the answers are. */
export async function costOfRequests(
  fleet: Fleet,
  { what, ratePerSecond, warmUpMs, durationMs }: RequestsOptions,
): Promise<CostOfRequests> {
  process.env[tokensVariable] = (await logIn(fleet.entry)).join("\n"); // the driver's process has it from this one
  const folder = mkdtempSync(join(tmpdir(), "squall-bench-"));
  try {
    const historyFile = join(folder, "history.jsonl");
    await using driver = await startDriver(
      {
        journeysModule: join(import.meta.dirname, "journeys.ts"),
        mix: { [what]: 1 },
        arrivals: { kind: "poisson", ratePerSecond, durationMs: warmUpMs + durationMs },
        seed: "bench",
        baseUrl: fleet.entry,
        historyFile,
        histogramsFile: join(folder, "histograms.jsonl"),
        maxConnections: 256,
        timeoutMs: 10_000,
      },
      () => undefined,
    );
    const processes = processesOf(fleet);
    const startAtMs = Date.now() + 200;
    driver.begin(startAtMs);
    await delay(200 + warmUpMs);
    const before = byProcess(processes, cpuMs);
    await driver.done;
    await delay(settleMs);
    const used = less(byProcess(processes, cpuMs), before);
    const counted = readJsonl(historyFile, (line) => historyLineSchema.parse(line)).lines.filter(
      ({ kind, intendedMs }) => kind === "journey" && intendedMs >= startAtMs + warmUpMs,
    );
    return {
      asked: counted.length,
      answered: counted.filter(({ completion }) => completion === "ok").length,
      latency: summarizeLatency(counted.map(({ endedMs, intendedMs }) => endedMs - intendedMs)),
      cpuMs: new Map([...used].map(([process, usedMs]) => [process, usedMs / counted.length])),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function logIn(entry: string): Promise<readonly string[]> {
  const tokens: string[] = [];
  for (let user = 1; user <= users; user += 1) {
    const number = String(user).padStart(3, "0");
    const response = await fetch(`${entry}/api/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: `user-${number}@shop.example`, password: `password-${number}` }),
    });
    if (!response.ok)
      throw new Error(`log-in of user ${number}: ${response.status} ${await response.text()}`);
    tokens.push(((await response.json()) as { accessToken: string }).accessToken);
  }
  return tokens;
}
