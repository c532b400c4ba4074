import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkDocument, plainDocument } from "../base/yaml-document.ts";
import { experimentSchema } from "../experiment/experiment.ts";
import { faultSchema, isProcessFault, runtimeFaultKinds } from "../experiment/fault.ts";
import { wordsOf } from "../experiment/load-experiment.ts";
import { loadTarget } from "../target/load-target.ts";
import { describeFault } from "./fault.ts";
import { askedOf, paceOf } from "./process-fault.ts";

const root = join(import.meta.dirname, "../..");
const untilUndone = { kind: "until-undone" };

/** As written, in words, what the runtime is asked for, and how it goes on. */
const cases = [
  ["kill: { process: order }", "kill of order", "kill", {}, untilUndone],
  ["kill: { process: order, restart: true }", "crash and restart of order", "kill", {}, { kind: "at-once" }],
  ["stop: { process: order }", "stop of order within 10 s", "stop", { withinMs: 10_000 }, untilUndone],
  [
    "restart: { process: order, within: 2s }",
    "restart of order, ended within 2 s",
    "stop",
    { withinMs: 2_000 },
    { kind: "at-once" },
  ],
  [
    "crash-loop: { process: order, every: 5s }",
    "crash of order every 5 s",
    "kill",
    {},
    { kind: "again", everyMs: 5_000 },
  ],
  ["pause: { process: order }", "pause of order", "pause", {}, untilUndone],
  [
    "cpu: { process: order, processors: 0.2 }",
    "limit of 0.2 processors for order",
    "limitCpu",
    { processors: 0.2 },
    untilUndone,
  ],
  [
    "memory: { process: order, limit: 64MB }",
    "limit of 64 MB of memory for order",
    "limitMemory",
    { bytes: 64_000_000 },
    untilUndone,
  ],
  [
    "disk-full: { process: order-db }",
    "full disk of order-db, 0 B left",
    "fillDisk",
    { leaveBytes: 0 },
    untilUndone,
  ],
  [
    "disk-full: { process: order-db, path: /data, leave: 1MB }",
    "full disk of order-db at /data, 1 MB left",
    "fillDisk",
    { leaveBytes: 1_000_000, path: "/data" },
    untilUndone,
  ],
  ["partition: { process: order }", "partition of order", "partition", { from: undefined }, untilUndone],
  [
    "partition: { process: order, from: payment }",
    "partition of order from payment",
    "partition",
    { from: "payment" },
    untilUndone,
  ],
  [
    "dns: { process: order, name: payment, delay: 2s }",
    "name of payment told to order 2 s late",
    "breakName",
    { name: "payment", delayMs: 2_000 },
    untilUndone,
  ],
  [
    "clock-skew: { process: order, by: -10m }",
    "clock of order 10 min behind",
    "skewClock",
    { offsetMs: -600_000 },
    untilUndone,
  ],
] as const;

function fault(yaml: string) {
  return checkDocument(plainDocument(parse(yaml), "x.yaml", "fault"), faultSchema());
}

test.each(cases)("%s", (yaml, words, change, wanted, pace) => {
  const given = fault(yaml);
  if (!isProcessFault(given)) throw new Error("expected a fault of a process");
  expect(describeFault(given)).toBe(words);
  expect(askedOf(given)).toEqual({ change, wanted });
  expect(paceOf(given)).toEqual(pace);
});

test("the way in which a runtime does it comes before the time", () => {
  expect(describeFault(fault("pause: { process: order, at: 4s }"), "held still by SIGSTOP")).toBe(
    "pause of order (held still by SIGSTOP), from 4 s on",
  );
  expect(describeFault(fault("replicas: { service: order, count: 1, for: 2s }"))).toBe(
    "1 replica of order, for 2 s",
  );
});

describe("docs/process-faults.md", () => {
  const page = readFileSync(join(root, "docs/process-faults.md"), "utf8");
  const shop = loadTarget(join(root, "target-system/target.yaml"));
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = ""]) => yaml);

  test.each(blocks)("is valid for the shop:\n%s", (yaml) => {
    const whole = {
      title: "An example",
      target: "target.yaml",
      load: { journey: "shopper", rate: "10/s" },
      hypothesis: [{ recovers: { within: "10s" } }],
      ...(parse(yaml) as object),
    };
    const document = plainDocument(whole, "x.yaml", "experiment");
    expect(checkDocument(document, experimentSchema(wordsOf(shop))).faults.length).toBeGreaterThan(0);
  });

  test("its table and its examples name every kind", () => {
    const inTable = [...page.matchAll(/^\| `([a-z-]+)`/gm)].map(([, kind]) => kind);
    const shown = blocks.flatMap((yaml) =>
      (parse(yaml) as { faults: object[] }).faults.flatMap((one) => Object.keys(one)),
    );
    expect(inTable).toEqual(runtimeFaultKinds);
    expect(shown).toEqual(expect.arrayContaining([...runtimeFaultKinds]));
  });
});
