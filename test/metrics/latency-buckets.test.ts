import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { loadExperiment } from "../../harness/experiment/load-experiment.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { latencyBuckets } from "../../target-system/service-kit/latency.ts";

const root = resolve(import.meta.dirname, "../..");

test("each threshold of latency that an objective of target.yaml or chaos/ has is a bound of the services' buckets", () => {
  const thresholds = new Set<number>();
  for (const slo of loadTarget(join(root, "target-system/target.yaml")).slos)
    if (slo.kind === "latency") thresholds.add(slo.atMostMs / 1_000);
  for (const file of globSync("chaos/**/*.yaml", { cwd: root }))
    for (const objective of loadExperiment(join(root, file)).experiment.hypothesis)
      if (objective.kind === "latency") thresholds.add(objective.atMostMs / 1_000);
  expect(thresholds.size).toBeGreaterThan(3);
  expect(latencyBuckets).toEqual(expect.arrayContaining([...thresholds]));
});
