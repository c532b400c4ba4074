import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { SquallError, exitCodes, type ExitCode } from "../../base/errors.ts";
import { systemClock } from "../../base/clock.ts";
import {
  startDriver,
  type LoadDriver,
  type LoadPlan,
  type LoadProgress,
  type LoadResult,
} from "../../load/driver.ts";
import { readLoadResult } from "../../load/recording/recorded-load.ts";
import type { RunFolder } from "../../record/run-folder.ts";
import type { Host } from "../host.ts";
import { keepLiveFigures } from "./live-figures.ts";
import { reportOf, type LoadReport } from "./load-report.ts";
import type { LoadView } from "./load-view.ts";

export interface DriveLoadOptions {
  readonly host: Host;
  /** "shopper at 200/s for 30 s" */
  readonly title: string;
  readonly plan: LoadPlan;
  readonly folder: RunFolder;
  readonly view: LoadView;
}

/** How long the driver has from its start to its first arrival. */
const leadMs = 50;

/**
 * Drives a load to its end. The first Ctrl-C ends the arrivals and lets what is under way end by itself; the second ends
 * that too. Either way what was measured so far is told.
 * @throws {SQUALL_FILE|SQUALL_INVALID_DOCUMENT|SQUALL_PREFLIGHT} when the journeys cannot be taken
 */
export async function driveLoad({ host, title, plan, folder, view }: DriveLoadOptions): Promise<LoadReport> {
  let signals = 0;
  let driver: LoadDriver | undefined;
  const abandoned = new AbortController();
  const stopListening = host.onSignal((signal) => {
    signals += 1;
    if (driver === undefined) return abandoned.abort(new Interrupted());
    if (signals === 1) view.note(`${signal}: no more arrivals; what is under way may end`);
    // What becomes of the load is told by `done`.
    void (signals === 1 ? driver.stop() : driver.cut()).catch(() => undefined);
  });
  let onProgress: (progress: LoadProgress) => void = () => undefined;
  try {
    await using started = await startDriver(plan, (progress) => onProgress(progress), abandoned.signal);
    const startAtMs = systemClock.nowMs() + leadMs;
    const figuresOf = keepLiveFigures(startAtMs);
    onProgress = (progress) => view.live(figuresOf(progress));
    driver = started;
    started.begin(startAtMs);
    const report = (result: LoadResult | undefined): LoadReport =>
      reportOf(readLoadResult(folder.path), title, signals > 0, result);
    return report(await started.done);
  } finally {
    stopListening();
  }
}

/** Ctrl-C before anything was sent. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Makes the folder of a load. @throws {SQUALL_USAGE} when another load's results are in it: they would become one */
export function makeFolder({ path, histograms, summary }: RunFolder): void {
  if (existsSync(histograms) || existsSync(summary))
    throw new SquallError("SQUALL_USAGE", `--out: there are results in ${path} already`, {
      hint: "a folder of its own for each load",
    });
  mkdirSync(path, { recursive: true });
}

export function writeReport(report: LoadReport, { summary }: RunFolder): void {
  writeFileSync(summary, `${JSON.stringify(report, undefined, 2)}\n`);
}

/** 130 when it was ended by hand, 2 when the figures are not the target's or not the whole of it, else 0. */
export function exitCodeOf({ interrupted, problems }: LoadReport): ExitCode {
  if (interrupted) return exitCodes.interrupted;
  return problems.length > 0 ? exitCodes.inconclusive : exitCodes.held;
}
