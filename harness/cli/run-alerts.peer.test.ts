import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pairFleet } from "../../test/e2e/pair-fleet.ts";
import { runFolder } from "../record/run-folder.ts";
import { summarySchema } from "../record/summary.ts";
import { processRuntime } from "../runtimes/process/process-runtime.ts";
import { fakeHost } from "./fake-host.ts";
import { main } from "./main.ts";

// The way of an alert from the experiment to the report, on a real fleet: it rests on what the harness tells of its fault.
const env = { SQUALL_PROMTOOL: process.env["PROMTOOL"] ?? "/usr/bin/promtool" };
const fleet = pairFleet();
afterAll(() => fleet[Symbol.dispose]());

test("a run says when an alert fired after its fault began, and that another did not, and so does its report anew", async () => {
  writeFileSync(
    join(fleet.folder, "rules.yaml"),
    `
groups:
  - name: harness
    interval: 1s
    rules:
      - { alert: Broken, expr: chaos_fault_active == 1 and chaos_fault_active > 0, for: 1s }
      - { alert: LoadStopped, expr: "rate(squall_load_arrivals_total[3s]) < 1" }
      - { alert: ManyArrive, expr: "rate(squall_load_arrivals_total[3s]) > 1000" }
`,
  );
  appendFileSync(fleet.target, "alerts: { rules: rules.yaml }\n");
  const experiment = join(fleet.folder, "alerts.yaml");
  writeFileSync(
    experiment,
    `
title: The fault is noticed
target: target.yaml
load: { journey: look, rate: 40/s }
phases: { warmup: 0s, baseline: 4s, fault: 4s, recovery: 2s }
faults: [{ latency: { edge: front -> back, delay: 20ms } }]
hypothesis:
  - success: { journey: look, at-least: 50% }
  - alerts: { Broken: fires-within 4s, ManyArrive: fires-within 5s, LoadStopped: stays-silent }
`,
  );
  const host = fakeHost(["run", experiment, "--runs", fleet.runs, "--json"], {
    env,
    runtime: processRuntime(),
  });
  // With or without enough evidence: it has no traces.
  expect([1, 2], host.err()).toContain(await main(host));
  const { objectives } = summarySchema.parse(JSON.parse(host.out()));
  expect(objectives.map(({ id, kind, title }) => [id, kind, title])).toEqual([
    ["o1", "success", "look: at least 50 % succeed during fault"],
    ["o2", "alert", "Broken fires within 4 s of the fault"],
    ["o3", "alert", "ManyArrive fires within 5 s of the fault"],
    ["o4", "alert", "LoadStopped stays silent"],
  ]);
  expect(objectives[1]).toMatchObject({
    outcome: "held",
    measured: expect.stringMatching(/^fired [123](\.\d+)? s after the fault began, for \d s$/) as string,
  });
  expect(objectives[2]).toMatchObject({
    outcome: "deviated",
    measured: "silent",
    why: expect.stringMatching(/^its rule compares nothing/) as string,
  });
  const run = fleet.newestRun() ?? runFolder("none");
  expect(readFileSync(run.rules, "utf8")).toContain("chaos_fault_active == 1");

  // The report needs neither promtool nor the rules' own file.
  writeFileSync(join(fleet.folder, "rules.yaml"), "gone\n");
  const again = fakeHost(["report", run.path, "--json"], { env: { SQUALL_PROMTOOL: "none" } });
  await main(again);
  expect(summarySchema.parse(JSON.parse(again.out())).objectives).toEqual(objectives);
  expect(readFileSync(run.html, "utf8")).toContain("Broken fires within 4 s of the fault");
});
