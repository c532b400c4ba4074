import { mkdirSync, writeFileSync } from "node:fs";
import { systemClock, type Clock } from "../base/clock.ts";
import { openProxy } from "../faults/open-proxy.ts";
import type { ProxyApi } from "../faults/proxy-api.ts";
import { startDriver } from "../load/driver.ts";
import { startK6 } from "../load/k6/k6-driver.ts";
import { findK6 } from "../load/k6/k6-program.ts";
import { readObservations, writeObservations } from "../observe/observations.ts";
import type { ExperimentRecord } from "../record/experiment-record.ts";
import { openJournal, type Journal } from "../record/journal.ts";
import { runFolder, type RunFolder } from "../record/run-folder.ts";
import { collectTraces, directSpans, type StoreReader } from "./collect.ts";
import type { Fleet, KeptLogs } from "../runtimes/runtime.ts";
import { edgeCrossings } from "./edge-crossings.ts";
import { recordFaults } from "./fault-recording.ts";
import { forwardSpans } from "./forward-spans.ts";
import { requirePassed } from "./preflight.ts";
import { recordRunMetrics } from "./run-metrics.ts";
import { openSpanReceipt } from "./span-receipt.ts";
import type { Drivers } from "./start-load.ts";
import { startWatchdog } from "./watchdog.ts";

/**
 * All that a run does to the world, besides what it asks of the runtime: what waits, starts, calls, reads or writes goes
 * through here. So a dry run is the same run, whose deeds are only noted (dry-run.ts).
 */
export interface Deeds extends Drivers, StoreReader {
  readonly clock: Clock;
  readonly findK6: typeof findK6;
  /** Makes the folder of a run. @throws {SQUALL_FILE} */
  openRun(path: string): RunFiles;
  /** @throws {SQUALL_PROXY} when no proxy answers there */
  openProxy(url: string): Promise<ProxyApi>;
  readonly startWatchdog: typeof startWatchdog;
  keepLogs(fleet: Fleet, folder: RunFolder): Promise<KeptLogs>;
  readonly directSpans: typeof directSpans;
  readonly openSpanReceipt: typeof openSpanReceipt;
  readonly forwardSpans: typeof forwardSpans;
  readonly recordRunMetrics: typeof recordRunMetrics;
  readonly recordFaults: typeof recordFaults;
  readonly edgeCrossings: typeof edgeCrossings;
  readonly requirePassed: typeof requirePassed;
  readonly collectTraces: typeof collectTraces;
}

/** A run's folder, its journal open. */
export interface RunFiles extends Disposable {
  readonly folder: RunFolder;
  readonly journal: Journal;
  keepRecord(record: ExperimentRecord): void;
}

/** @param clock the machine's, but in tests of what depends on the hour */
export function realDeeds(clock: Clock = systemClock): Deeds {
  return {
    clock,
    findK6,
    openRun(path) {
      const folder = runFolder(path);
      for (const each of [folder.path, folder.stores, folder.metrics, folder.logs])
        mkdirSync(each, { recursive: true });
      const journal = openJournal(folder.journal);
      return {
        folder,
        journal,
        keepRecord: (record) => writeFileSync(folder.experiment, JSON.stringify(record, undefined, 2)),
        [Symbol.dispose]: () => journal[Symbol.dispose](),
      };
    },
    openProxy,
    startDriver,
    startK6,
    startWatchdog,
    keepLogs: (fleet, { logs }) => fleet.keepLogs(logs),
    directSpans,
    openSpanReceipt,
    forwardSpans,
    recordRunMetrics,
    recordFaults,
    edgeCrossings,
    requirePassed,
    readObservations,
    writeObservations,
    collectTraces,
  };
}
