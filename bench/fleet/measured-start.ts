import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processRuntime } from "../../harness/runtimes/process/process-runtime.ts";
import type { Fleet } from "../../harness/runtimes/runtime.ts";
import type { Target } from "../../harness/target/target.ts";
import { byProcess, cpuMs, processesOf, type ByProcess } from "./process-figures.ts";

/** A fleet that was started, and what that took. */
export interface MeasuredStart extends AsyncDisposable {
  readonly fleet: Fleet;
  /** From the beginning until the last store answered. */
  readonly storesMs: number;
  /** From then until the last service was ready. */
  readonly servicesMs: number;
  /** Processor time that each process had used when the fleet was ready. */
  readonly cpuMs: ByProcess;
  /** That this process had used for it. */
  readonly ownCpuMs: number;
}

export interface ArmOptions {
  /** @default true */
  readonly isTraced?: boolean;
  /** How many processes of a service, where the runtime knows replicas; else one. */
  readonly replicas?: Readonly<Record<string, number>>;
}

export async function startMeasured(shop: Target, { isTraced = true, replicas }: ArmOptions = {}) {
  const target = isTraced ? shop : untraced(shop);
  const logsFolder = mkdtempSync(join(tmpdir(), "squall-bench-"));
  const readyMs = new Map<string, number>();
  const startedMs = performance.now();
  const options = {
    settings: Object.fromEntries(
      Object.entries(target.settings).map(([name, { default: value }]) => [name, value]),
    ),
    seed: "bench",
    logsFolder,
    isKept: false,
    signal: new AbortController().signal,
    onProgress: (message: string) => {
      const name = /^(\S+) is ready$/.exec(message)?.[1];
      if (name !== undefined) readyMs.set(name, performance.now() - startedMs);
    },
    ...(replicas && { replicas }),
  };
  const ownBefore = process.cpuUsage();
  const fleet = await processRuntime().start(target, options);
  const own = process.cpuUsage(ownBefore);
  const lastOf = (names: readonly string[]): number =>
    Math.max(...names.map((name) => readyMs.get(name) ?? NaN));
  const storesMs = lastOf(Object.keys(target.stores));
  const start: MeasuredStart = {
    fleet,
    storesMs,
    servicesMs: lastOf(Object.keys(target.services)) - storesMs,
    cpuMs: byProcess(processesOf(fleet), cpuMs),
    ownCpuMs: (own.user + own.system) / 1_000,
    async [Symbol.asyncDispose]() {
      await fleet.stop();
      rmSync(logsFolder, { recursive: true });
    },
  };
  return start;
}

/** The same fleet without the address to which its services would send their spans. */
function untraced(target: Target): Target {
  const services = Object.entries(target.services).map(([name, service]) => {
    const [program = "", ...args] = service.command;
    const node = program === "node" ? process.execPath : program;
    return [
      name,
      { ...service, command: ["env", "-u", "OTEL_EXPORTER_OTLP_ENDPOINT", node, ...args] },
    ] as const;
  });
  return { ...target, services: Object.fromEntries(services) };
}
