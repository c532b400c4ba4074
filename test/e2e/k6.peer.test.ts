import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { askRun } from "../../dashboards/recorded-run.fixture.ts";
import { readJsonl } from "../../harness/base/jsonl.ts";
import { historyLineSchema } from "../../harness/record/history.ts";
import { readJournal } from "../../harness/record/journal.ts";
import { runFolder, type RunFolder } from "../../harness/record/run-folder.ts";
import { summarySchema, type Summary } from "../../harness/record/summary.ts";
import { pairFleet, type PairFleet } from "./pair-fleet.ts";
import { squall } from "./squall-command.ts";

/** Experiments whose load real k6 makes, as a user runs them. */
const k6 = { SQUALL_K6: process.env["K6"] ?? "k6" };
const runs = mkdtempSync(join(tmpdir(), "squall-k6-runs-"));
afterAll(() => rmSync(runs, { recursive: true, force: true }));

/** What boards ask that a run by k6, in which nothing worse happens than this fault, has no answer to, and why. */
const silent: readonly (readonly [asked: RegExp, why: string])[] = [
  [/^squall-service: Which routes fail/, "none does: the shop holds"],
  [/^squall-edges: Which database does not answer/, "all do"],
  [/^squall-slo: Which alerts fire/, "none does: no objective is broken"],
  [/^squall-harness: Why did they not end well/, "all did"],
  [
    / sum by \(job, callee, why\) \(rate\(callee_retries_total/,
    "a breaker is open before anybody tries again",
  ],
  [/http_server_shed_total/, "nothing is shed: it takes 256 requests at once"],
  [/http_server_deadline_exceeded_total/, "nobody asks too late"],
  [/idempotency_duplicates_suppressed_total/, "nobody asks twice"],
];

const summaryOf = (folder: RunFolder): Summary =>
  summarySchema.parse(JSON.parse(readFileSync(folder.summary, "utf8")));

test("the shoppers of k6 lead to the same verdict as Squall's, with what they were told checked", async () => {
  const run = squall(["run", "load/k6/recommendation-down.yaml", "--runs", runs], undefined, k6);
  const exitCode = await run.exit;
  expect(exitCode, run.out() + run.err()).toBe(0);
  const folder = runFolder(join(runs, readdirSync(runs)[0] ?? ""));
  const summary = summaryOf(folder);

  expect(summary.verdict.outcome).toBe("held");
  expect(summary.load.k6).toMatchObject({ dropped: 0, unattributedErrors: 0, endedEarlyMs: 0 });
  expect(summary.load.lateP99Ms).toBeUndefined();
  const thresholds = summary.objectives.filter(({ kind }) => kind === "threshold");
  expect(thresholds.map(({ outcome }) => outcome)).toEqual(["held", "held", "held"]);
  expect(summary.journeys.map(({ journey }) => journey)).toEqual(
    expect.arrayContaining(["shopper", "browse", "checkout", "product", "search"]),
  );
  // Every operation of the baseline left a trace, by the id that the script gave it.
  expect(summary.telemetry.untracedOperations).toBe(0);
  const kept = summary.invariants.find(({ id }) => id === "told-orders-are-kept");
  expect(kept).toMatchObject({ outcome: "held" });
  expect(kept?.checked).toBeGreaterThan(10);
  const { lines } = readJsonl(folder.history, (line) => historyLineSchema.parse(line));
  const orders = lines.flatMap((line) =>
    line.kind === "operation" && line.step === "place-order" ? [line] : [],
  );
  expect(orders[0]).toMatchObject({ journey: "checkout", method: "POST", route: "/api/checkout" });
  expect(existsSync(join(folder.logs, "k6.jsonl"))).toBe(true);

  const { empty, alerts } = await askRun(folder);
  expect(empty.filter((asked) => !silent.some(([each]) => each.test(asked)))).toEqual([]);
  // How long answers take is the machine's, and one that failed in so short a time a ticket.
  expect(alerts.filter((alert) => /SuccessBurnRate page$/.test(alert))).toEqual([]);
});

let fleet: PairFleet;
beforeEach(() => {
  fleet = pairFleet();
});
afterEach(async () => {
  await fleet.squall("recover", fleet.target, "--runs", fleet.runs).exit;
  fleet[Symbol.dispose]();
});

/** An experiment on the pair fleet, with k6 as its load. */
function k6Experiment({ thresholds = "{}", faultMs = 2_000, baseline = "1s" }): string {
  writeFileSync(
    join(fleet.folder, "look.ts"),
    `import http from "k6/http";
     const rate: number = Number(__ENV.RATE);
     export const options = {
       scenarios: { look: { executor: "constant-arrival-rate", rate, timeUnit: "1s", duration: __ENV.DURATION,
         preAllocatedVUs: 100 } },
       thresholds: ${thresholds},
     };
     export default function (): void { http.get(__ENV.BASE_URL + "/"); }`,
  );
  writeFileSync(
    fleet.experiment,
    `
title: The front lives without the back, as k6 sees it
target: target.yaml
load: { engine: k6, script: look.ts, rate: 20/s }
phases: { warmup: 0s, baseline: ${baseline}, fault: ${faultMs}ms, recovery: 1s }
faults: [{ latency: { edge: front -> back, delay: 100ms } }]
hypothesis: [{ success: { journey: look, at-least: 50% } }]
`,
  );
  return fleet.experiment;
}

test("a threshold that k6 found crossed is a deviation", async () => {
  const file = k6Experiment({ thresholds: '{ http_req_duration: ["p(95)<20"] }' });
  const run = squall(["run", file, "--runs", fleet.runs], fleet.folder, k6);
  const exitCode = await run.exit;
  expect(exitCode, run.out() + run.err()).toBe(1);
  const { verdict, objectives } = summaryOf(fleet.newestRun() as RunFolder);
  expect(verdict.reasons[0]).toContain("k6 threshold: http_req_duration p(95)<20");
  expect(objectives.map(({ kind, outcome }) => [kind, outcome])).toEqual([
    ["success", "held"],
    ["threshold", "deviated"],
  ]);
});

test("a threshold that ends k6 aborts the run as a guard does, and the fault is undone", async () => {
  const aborting = '{ http_req_duration: [{ threshold: "max<90", abortOnFail: true }] }';
  const file = k6Experiment({ thresholds: aborting, faultMs: 30_000 });
  const run = squall(["run", file, "--runs", fleet.runs], fleet.folder, k6);
  expect(await run.exit, run.out() + run.err()).toBe(4);
  const events = readJournal(fleet.newestRun()?.journal ?? "").lines;
  expect(events).toContainEqual(expect.objectContaining({ event: "fault-undone", by: "guard" }));
  expect(summaryOf(fleet.newestRun() as RunFolder).verdict.reasons[0]).toContain("http_req_duration");
});

test("Ctrl-C stops k6 with the run", async () => {
  const file = k6Experiment({ faultMs: 60_000 });
  const run = squall(["run", file, "--runs", fleet.runs], fleet.folder, k6);
  await fleet.journaled("fault-injected");
  run.child.kill("SIGINT");
  expect(await run.exit, run.out() + run.err()).toBe(130);
  const events = readJournal(fleet.newestRun()?.journal ?? "").lines;
  expect(events).toContainEqual(expect.objectContaining({ event: "fault-undone", by: "interrupt" }));
  const ended = events.find(({ event }) => event === "load-ended");
  expect(ended).toMatchObject({ k6: { endedEarlyMs: 0 } });
});
