import type { Experiment } from "../experiment/experiment.ts";
import { loadExperiment } from "../experiment/load-experiment.ts";
import { requireArrivals } from "../load/arrivals/arrival-plan.ts";
import { mixOf, type Target } from "../target/target.ts";

/**
 * As {@link loadExperiment}, and what it replays is looked at too.
 * @throws {SQUALL_FILE} {SQUALL_INVALID_DOCUMENT}
 * @throws {SQUALL_PREFLIGHT} when recorded arrivals are none, or of journeys that the load does not take
 */
export function loadRunnableExperiment(file: string): {
  readonly experiment: Experiment;
  readonly target: Target;
} {
  const { experiment, target } = loadExperiment(file);
  const { engine, journey, arrivals } = experiment.load;
  if (engine === "squall") requireArrivals(arrivals, Object.keys(mixOf(target, journey) ?? {}));
  return { experiment, target };
}
