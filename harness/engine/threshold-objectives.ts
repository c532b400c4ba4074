import type { K6Threshold } from "../record/k6-outcome.ts";
import type { Objective } from "../record/summary.ts";

/** The thresholds of a k6 script as objectives: k6 judged them, over the whole run. */
export function thresholdObjectives(thresholds: readonly K6Threshold[]): Objective[] {
  return thresholds.map(({ metric, threshold, isCrossed, value }, index) => ({
    id: `k6-${index + 1}`,
    kind: "threshold",
    title: `k6 threshold: ${metric} ${threshold}`,
    outcome: isCrossed ? "deviated" : "held",
    measured: value === undefined ? "k6 tells no value" : `${Number(value.toPrecision(4))}`,
    why: `by k6, over the whole run, this threshold was ${isCrossed ? "" : "not "}crossed`,
    traceIds: [],
  }));
}
