import { relative } from "node:path";
import { stringify } from "yaml";
import type { Target } from "../../harness/target/target.ts";
import { stormOf, type StormOptions } from "./storm.ts";

export interface StormExperimentOptions extends StormOptions {
  /** Journeys a second of the mix `buyers`, of which 50 of 60 are checkouts. */
  readonly ratePerSecond: number;
  /** How long the stores may take to agree. @default 60 */
  readonly settledWithinSeconds?: number;
}

/** The experiment's file, as text; `folder` is where it will lie. */
export function stormExperiment(target: Target, folder: string, options: StormExperimentOptions): string {
  return stringify({
    title: `Whatever breaks, nothing is lost, doubled or left over (seed ${options.seed})`,
    description:
      "Every process of the fleet is killed in turn, and every edge cut, slowed, answered with errors, made to lose " +
      "answers and to deliver twice. The outside world is not killed: its ledgers are in memory.",
    target: relative(folder, target.file),
    load: { journey: "buyers", rate: `${options.ratePerSecond}/s`, "max-connections": 512 },
    phases: { warmup: "5s", baseline: "10s", fault: `${options.lengthMs}ms`, recovery: "15s" },
    faults: stormOf(target, options),
    hypothesis: [
      { success: { journey: "checkout", "at-least": "75%", during: "baseline" } },
      { consistent: { invariants: "all", "settled-within": `${options.settledWithinSeconds ?? 60}s` } },
    ],
  });
}
