import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatEdge } from "../../harness/base/edge.ts";
import { loadExperiment } from "../../harness/experiment/load-experiment.ts";
import { isEdgeFault } from "../../harness/experiment/fault.ts";
import { endMsOf } from "../../harness/experiment/fault-time.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { targetEdges } from "../../harness/target/target-edge.ts";
import { root } from "../e2e/squall-command.ts";
import { stormExperiment } from "./storm-experiment.ts";

const target = loadTarget(join(root, "target-system/target.yaml"));

/** As `squall run` reads it, so that it is valid for the shop. */
function experimentOf(seed: string) {
  const folder = mkdtempSync(join(tmpdir(), "squall-storm-"));
  const file = join(folder, "storm.yaml");
  writeFileSync(file, stormExperiment(target, folder, { seed, lengthMs: 60_000, ratePerSecond: 60 }));
  try {
    return loadExperiment(file).experiment;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const kinds: Readonly<Record<string, readonly string[]>> = {
  http: [
    "down",
    "http-duplicate",
    "http-duplicate",
    "http-lost-response",
    "http-lost-response",
    "http-status",
    "latency",
  ],
  postgresql: ["down", "latency", "pg-error", "timeout"],
  smtp: ["down", "latency", "timeout"],
};

test.each(["a", "b", "c"])(
  "storm %s breaks every edge in each way it allows, and kills each process once",
  (seed) => {
    const { faults } = experimentOf(seed);
    const onEdges = Map.groupBy(faults.filter(isEdgeFault), ({ edge }) => formatEdge(edge));
    for (const edge of targetEdges(target))
      expect(
        onEdges
          .get(formatEdge(edge))
          ?.map(({ kind }) => kind)
          .toSorted(),
      ).toEqual(kinds[edge.protocol]);
    const killed = faults.flatMap((fault) => (fault.kind === "kill" ? [fault.process] : []));
    expect(killed.toSorted()).toEqual(
      [...Object.keys(target.services), ...Object.keys(target.stores)].toSorted(),
    );
  },
);

test("no two faults of a storm are on one edge at once, and the last seconds are calm", () => {
  const { faults } = experimentOf("a");
  for (const onEdge of Map.groupBy(faults.filter(isEdgeFault), ({ edge }) => formatEdge(edge)).values()) {
    const inTime = onEdge.toSorted((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0));
    for (const [index, fault] of inTime.slice(1).entries())
      // Written in whole milliseconds.
      expect(fault.atMs).toBeGreaterThanOrEqual(endMsOf(inTime[index] ?? {}) - 1);
  }
  expect(Math.max(...faults.map(endMsOf))).toBeLessThanOrEqual(54_000 + 1_500);
});

test("a seed decides a storm", () => {
  expect(experimentOf("a").faults).toEqual(experimentOf("a").faults);
  expect(experimentOf("a").faults).not.toEqual(experimentOf("b").faults);
});
