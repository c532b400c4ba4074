import type { K6Threshold } from "../record/k6-outcome.ts";
import type { Objective } from "../record/summary.ts";

const outcomes = { crossed: "deviated", "not-crossed": "held", "no-sample": "inconclusive" } as const;
const reasons = {
  crossed: "by k6, over the whole run, this threshold was crossed",
  "not-crossed": "by k6, over the whole run, this threshold was not crossed",
  "no-sample": "the metric got no sample; k6 calls that not crossed",
} as const;

/** The thresholds of a k6 script as objectives: k6 judged them, over the whole run. */
export function thresholdObjectives(thresholds: readonly K6Threshold[]): Objective[] {
  return thresholds.map(({ metric, threshold, outcome, value }, index) => ({
    id: `k6-${index + 1}`,
    kind: "threshold",
    title: `k6 threshold: ${metric} ${threshold}`,
    outcome: outcomes[outcome],
    measured:
      outcome === "no-sample" || value === undefined
        ? "k6 tells no value"
        : String(Number(value.toPrecision(4))),
    why: reasons[outcome],
    traceIds: [],
  }));
}
