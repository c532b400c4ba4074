import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkDocument, plainDocument } from "../base/yaml-document.ts";
import { parseTarget } from "../target/load-target.ts";
import { blastRadius } from "./blast-radius.ts";
import { durationMsOf, experimentSchema } from "./experiment.ts";
import { faultKinds } from "./fault.ts";
import { parseExperiment, wordsOf } from "./load-experiment.ts";

const root = join(import.meta.dirname, "../..");
const shopFile = join(root, "target-system/target.yaml");
const shop = parseTarget(parse(readFileSync(shopFile, "utf8")), shopFile);
const blocks = [
  ...readFileSync(join(root, "docs/experiments.md"), "utf8").matchAll(/```yaml\n(.*?)```/gs),
].map((match) => parse(match[1] ?? "") as Record<string, unknown>);
const [example = {}] = blocks;

function check(document: unknown) {
  return checkDocument(plainDocument(document, "x.yaml", "experiment"), experimentSchema(wordsOf(shop)));
}

test("what is left out has the documented default", () => {
  const { settings: _settings, phases: _phases, guards: _guards, ...rest } = example;
  const experiment = check({ ...rest, faults: [{ timeout: { edge: "order -> order-db" } }] });

  expect(experiment).toMatchObject({
    settings: {},
    guards: [],
    load: { maxConnections: 256, timeoutMs: 10_000 },
    phases: { warmupMs: 5_000, baselineMs: 15_000, faultMs: 20_000, recoveryMs: 15_000 },
    faults: [
      {
        kind: "timeout",
        edge: { caller: "order", callee: "order-db" },
        afterMs: 0,
        stream: "downstream",
        toxicityRatio: 1,
      },
    ],
  });
});

test("an experiment kept in a run folder reads the same again", () => {
  const file = join(root, "chaos/example.yaml");
  const experiment = parseExperiment(example, file);

  expect(parseExperiment(JSON.parse(JSON.stringify(experiment.document)), file)).toEqual(experiment);
  expect(experiment.targetFile).toBe(shopFile);
});

test("quantities are held as numbers that name their unit", () => {
  const { load, hypothesis, guards } = parseExperiment(example, "/x.yaml");
  expect(load.arrivals).toEqual({ kind: "poisson", ratePerSecond: 60 });
  expect(hypothesis).toEqual([
    { kind: "success", journey: "checkout", atLeastRatio: 0.95, during: "fault" },
    { kind: "latency", journey: "checkout", percentile: 50, atMostMs: 1_500, during: "fault" },
    { kind: "recovers", withinMs: 10_000 },
    { kind: "consistent", invariants: "all", settledWithinMs: 20_000 },
  ]);
  expect(guards).toEqual([{ kind: "abort-when", journey: "checkout", successBelowRatio: 0.5, forMs: 5_000 }]);
});

describe("docs/experiments.md", () => {
  test.each(blocks.map((block, index) => [index + 1, block] as const))(
    "example %i is valid for the shop",
    (_, block) => {
      expect(check({ ...example, ...block })).toBeDefined();
    },
  );

  test("every kind of fault is shown", () => {
    const shown = blocks.flatMap(({ faults }) => ((faults ?? []) as object[]).flatMap(Object.keys));
    expect(new Set(shown)).toEqual(new Set(faultKinds));
  });
});

describe("chaos/", () => {
  const folder = join(root, "chaos");
  test.each(readdirSync(folder).filter((name) => name.endsWith(".yaml")))(
    "%s is valid for the shop",
    (name) => {
      const experiment = check(parse(readFileSync(join(folder, name), "utf8")));
      expect(experiment.target).toBe("../target-system/target.yaml");
    },
  );

  test("the first run fits its 90 seconds: its load takes at most 50", () => {
    const file = join(folder, "recommendation-down.yaml");
    const experiment = parseExperiment(parse(readFileSync(file, "utf8")), file);
    expect(durationMsOf(experiment.phases)).toBeLessThanOrEqual(50_000);
  });
});

test("the blast radius is who calls over the broken edge, and who calls them", () => {
  const experiment = parseExperiment(example, "/x.yaml");
  expect(blastRadius(experiment, shop)).toMatchObject({
    edges: ["payment -> gateway-a"],
    processes: [],
    services: ["payment"],
    outside: ["gateway-a"],
    reached: ["gateway", "order", "payment"],
    untouched: ["catalog", "user", "notification", "recommendation"],
    longestFaultMs: 20_000,
  });
});

test("the blast radius of a kill is the process, whoever calls it, and no longer than it is dead", () => {
  const faults = [{ kill: { process: "payment-db", at: "5s", for: "2s" } }];
  const experiment = parseExperiment({ ...example, faults }, "/x.yaml");
  expect(blastRadius(experiment, shop)).toMatchObject({
    edges: [],
    processes: [{ process: "payment-db", kinds: ["kill"] }],
    services: ["payment"],
    stores: ["payment-db"],
    reached: ["gateway", "order", "payment"],
    untouched: ["catalog", "user", "notification", "recommendation"],
    longestFaultMs: 2_000,
  });
});

test("faults that are never there at once do not exclude each other", () => {
  const edge = "payment -> gateway-a";
  const faults = [
    { down: { edge, for: "2s" } },
    { latency: { edge, delay: "1s", at: "2s", for: "1s" } },
    { down: { edge, at: "3s" } },
  ];
  expect(parseExperiment({ ...example, faults }, "/x.yaml").faults).toMatchObject([
    { kind: "down", forMs: 2_000 },
    { kind: "latency", atMs: 2_000, forMs: 1_000 },
    { kind: "down", atMs: 3_000 },
  ]);
  const overlapping = [{ down: { edge, for: "2s" } }, { down: { edge, at: "1s" } }];
  expect(() => parseExperiment({ ...example, faults: overlapping }, "/x.yaml")).toThrow(
    `down leaves no connection on ${edge} for down`,
  );
});

test("the hypothesis of docs/alerts.md is one", () => {
  const page = readFileSync(join(root, "docs/alerts.md"), "utf8");
  const block = parse(/```yaml\n(hypothesis.*?)```/s.exec(page)?.[1] ?? "") as Record<string, unknown>;
  expect(check({ ...example, ...block }).hypothesis).toEqual([
    {
      kind: "alerts",
      alerts: [
        { alert: "CheckoutSuccessBurnRate", expects: "fires", withinMs: 20_000 },
        { alert: "BrowseSuccessBurnRate", expects: "stays-silent" },
      ],
    },
  ]);
});
