import { join } from "node:path";
import { SquallError } from "../base/errors.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { ArrivalPlan } from "../load/arrivals/arrival-plan.ts";
import type { startDriver, JourneyProgress, LoadDriver, LoadResult } from "../load/driver.ts";
import type { startK6, K6Result } from "../load/k6/k6-driver.ts";
import type { K6Program } from "../load/k6/k6-program.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import { mixOf, type Target } from "../target/target.ts";

export interface LoadOptions {
  readonly experiment: Experiment;
  readonly target: Target;
  readonly fleet: Fleet;
  readonly folder: RunFolder;
  readonly seed: string;
  readonly arrivals: ArrivalPlan;
  /** Where k6 makes the load. */
  readonly k6: K6Program | undefined;
  readonly onProgress: (progress: JourneyProgress) => void;
  readonly interrupt: AbortSignal;
  readonly drivers: Drivers;
}

/** What starts a driver of each kind. */
export interface Drivers {
  readonly startDriver: (
    ...given: Parameters<typeof startDriver>
  ) => Promise<LoadDriver<LoadResult | K6Result>>;
  readonly startK6: (...given: Parameters<typeof startK6>) => Promise<LoadDriver<LoadResult | K6Result>>;
}

const startsWithinMs = 20_000;

/** Starts what makes the load, unless the run is interrupted first. @throws {SQUALL_TIMEOUT} when it does not come up */
export async function startLoad(options: LoadOptions): Promise<LoadDriver<LoadResult | K6Result>> {
  const { interrupt } = options;
  const starting = new AbortController();
  const giveUp = (): void => starting.abort(interrupt.reason);
  interrupt.addEventListener("abort", giveUp, { once: true });
  const deadline = setTimeout(() => {
    starting.abort(
      new SquallError("SQUALL_TIMEOUT", `the load driver was not ready after ${startsWithinMs} ms`),
    );
  }, startsWithinMs);
  try {
    return await start(options, starting.signal);
  } finally {
    clearTimeout(deadline);
    interrupt.removeEventListener("abort", giveUp);
  }
}

function start(
  { experiment, target, fleet, folder, seed, arrivals, k6, onProgress, drivers }: LoadOptions,
  signal: AbortSignal,
): Promise<LoadDriver<LoadResult | K6Result>> {
  const { load } = experiment;
  switch (load.engine) {
    case "squall":
      return drivers.startDriver(
        {
          journeysModule: target.journeys.module,
          mix: mixOf(target, load.journey) ?? {},
          arrivals,
          seed,
          baseUrl: fleet.entry,
          historyFile: folder.history,
          histogramsFile: folder.histograms,
          maxConnections: load.maxConnections,
          timeoutMs: load.timeoutMs,
        },
        onProgress,
        signal,
      );
    case "k6":
      if (k6 === undefined) throw new Error("the load is k6's, and nobody looked for k6");
      return drivers.startK6(
        {
          ...k6,
          script: load.script,
          variables: {
            ...load.variables,
            BASE_URL: fleet.entry,
            RATE: String(load.arrivals.ratePerSecond),
            DURATION: `${arrivals.durationMs}ms`,
            SEED: seed,
          },
          durationMs: arrivals.durationMs,
          journeys: load.journeys,
          whole: load.journey,
          historyFile: folder.history,
          logFile: join(folder.logs, "k6.jsonl"),
          summaryFile: folder.k6Summary,
        },
        onProgress,
        signal,
      );
  }
}
