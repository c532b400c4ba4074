import { basename } from "node:path";
import { formatAddress, type Address } from "../base/address.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { JourneyProgress } from "../load/driver.ts";
import { recordMetrics } from "../observe/metrics-recorder.ts";
import { serveMetrics } from "../observe/metrics-server.ts";
import { receiverStats } from "../observe/receiver-client.ts";
import type { ScrapeTarget } from "../observe/scrape.ts";
import type { JournalEvent } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import type { PlannedFault } from "./fault-plan.ts";
import { createHarnessMetrics } from "./harness-metrics.ts";

/** The metrics of a run: those of the fleet, the proxy and the harness, kept until it is disposed of. */
export interface RunMetrics extends AsyncDisposable {
  takeEvent(event: JournalEvent): void;
  takeProgress(progress: JourneyProgress): void;
  /** What was kept so far, in words. */
  told(): string;
}

export interface RunMetricsOptions {
  readonly experiment: Pick<Experiment, "hypothesis">;
  readonly planned: readonly PlannedFault[];
  readonly fleet: Fleet;
  readonly folder: RunFolder;
  /** Where the harness' own are shown while the run goes on. @default nowhere */
  readonly listen?: Address | undefined;
}

/** Labels of what is no part of the fleet. */
const harnessJob = "squall";
const proxyJob = "squall-proxy";

/**
 * Begins to keep a run's metrics.
 * @throws {SQUALL_FILE} when they cannot be written
 * @throws {SQUALL_PORT_IN_USE} when they shall be shown on a port that is taken
 */
export async function recordRunMetrics(options: RunMetricsOptions): Promise<RunMetrics> {
  const { experiment, planned, fleet, folder, listen } = options;
  const run = basename(folder.path);
  await using opened = new AsyncDisposableStack();
  const own = createHarnessMetrics({
    run,
    planned,
    thresholdsMs: experiment.hypothesis.flatMap((one) => (one.kind === "latency" ? [one.atMostMs] : [])),
    receiver: () => receiverStats(fleet.receiver),
    recorder: () => recorder.figures,
  });
  const recorder = opened.use(
    recordMetrics({
      file: folder.scrapes,
      run,
      targets: () => scrapeTargets(fleet),
      own: { job: harnessJob, instance: run, ...own },
    }),
  );
  if (listen !== undefined) opened.use(await serveMetrics(listen, own));
  const kept = opened.move();
  return {
    takeEvent(event) {
      if (own.takeEvent(event)) recorder.recordOwn();
    },
    takeProgress: (progress) => own.takeProgress(progress),
    told() {
      const { scrapes, targets, failed, problem } = recorder.figures;
      const but = [...(failed > 0 ? [`${failed} failed`] : []), ...(problem === undefined ? [] : [problem])];
      return `${scrapes} scrapes of ${targets} targets${but.length > 0 ? ` (${but.join("; ")})` : ""}`;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Every replica and part of the outside world that shows metrics, and the proxy; past the proxies, which may be broken. */
export function scrapeTargets(fleet: Fleet): readonly ScrapeTarget[] {
  const { target, replicas, addresses, proxyApi } = fleet;
  const services = Object.entries(target.services).flatMap(([job, { metrics }]) =>
    (replicas.get(job) ?? []).flatMap(({ name, addresses: { http } }) =>
      metrics === undefined || http === undefined ? [] : [{ job, instance: name, url: urlOf(http, metrics) }],
    ),
  );
  const outside = Object.entries(target.outside).flatMap(([job, { metrics }]) => {
    const http = addresses.get(job)?.["http"];
    return metrics === undefined || http === undefined
      ? []
      : [{ job, instance: job, url: urlOf(http, metrics) }];
  });
  return [...services, ...outside, { job: proxyJob, instance: proxyJob, url: `${proxyApi}/metrics` }];
}

function urlOf(address: Address, path: string): string {
  return `http://${formatAddress(address)}${path}`;
}
