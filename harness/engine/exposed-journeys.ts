import { durationMsOf, type Experiment } from "../experiment/experiment.ts";
import { endMsOf } from "../experiment/fault-time.ts";
import { ratePerSecondAt } from "../load/arrivals/arrival-plan.ts";
import { mixOf, type Target } from "../target/target.ts";

/** How many journeys begin while something is broken, by the load's plan; nothing where it is a recording. */
export interface ExposedJourneys {
  readonly count: number;
  /** By journey, after the mix; empty where a script decides. */
  readonly byJourney: Readonly<Record<string, number>>;
}

const stepMs = 100;

export function exposedJourneys(
  { load, phases, faults }: Pick<Experiment, "load" | "phases" | "faults">,
  target: Target,
): ExposedJourneys | undefined {
  const plan = { ...load.arrivals, durationMs: durationMsOf(phases) };
  const beganMs = phases.warmupMs + phases.baselineMs;
  let count = 0;
  for (let atMs = 0; atMs < phases.faultMs; atMs += stepMs) {
    const ratePerSecond = ratePerSecondAt(plan, beganMs + atMs);
    if (ratePerSecond === undefined) return undefined;
    if (faults.some((fault) => (fault.atMs ?? 0) <= atMs && atMs < endMsOf(fault)))
      count += (ratePerSecond * stepMs) / 1_000;
  }
  const mix = load.engine === "k6" ? {} : (mixOf(target, load.journey) ?? {});
  const weights = Object.values(mix).reduce((sum, weight) => sum + weight, 0);
  return {
    count: Math.round(count),
    byJourney: Object.fromEntries(
      Object.entries(mix).map(([journey, weight]) => [journey, Math.round((count * weight) / weights)]),
    ),
  };
}
