import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { pairFleet, type PairFleet } from "../../test/e2e/pair-fleet.ts";
import { readJournal } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import { processRuntime } from "../runtimes/process/process-runtime.ts";
import { fakeHost, type FakeHost } from "./fake-host.ts";
import { main } from "./main.ts";

// The whole of Squall on the smallest fleet: what is tested here is the way of the commands, not the judgement.
let fleet: PairFleet;
const host = (...args: readonly string[]): FakeHost => fakeHost(args, { runtime: processRuntime() });

beforeAll(() => {
  fleet = pairFleet();
  appendFileSync(fleet.target, "limits: { never: [front -> back] }\n");
});
afterEach(async () => {
  await main(host("down", fleet.target));
});
afterAll(() => fleet[Symbol.dispose]());

test("Ctrl-C in the fault phase undoes the fault, reports, ends with 130 and leaves nothing running", async () => {
  const interrupted = host(
    ...["run", fleet.experiment, "--runs", fleet.runs, "--json"],
    ...["--beyond-limits", "game day"],
  );
  const stderr = {
    ...interrupted.stderr,
    write(text: string) {
      interrupted.stderr.write(text);
      if (text.includes("injected:")) for (let times = 0; times < 2; times += 1) interrupted.signal("SIGINT");
    },
  };

  expect(await main({ ...interrupted, stderr })).toBe(130);

  const run = runFolder(fleet.newestRun()?.path ?? "none");
  const journal = readJournal(run.journal).lines;
  const events = journal.map(({ event }) => event);
  expect(events.indexOf("undo-planned")).toBeLessThan(events.indexOf("fault-injected"));
  expect(journal).toContainEqual(expect.objectContaining({ event: "interrupted", signal: "SIGINT" }));
  expect(journal).toContainEqual(expect.objectContaining({ event: "fault-undone", by: "interrupt" }));
  expect(journal.at(-1)).toMatchObject({ event: "run-ended", exitCode: 130 });
  for (const report of [run.summary, run.html, run.markdown, run.junit])
    expect(existsSync(report)).toBe(true);
  expect(events.indexOf("limits-exceeded")).toBe(1);
  const beyond =
    "beyond its limits (never: no fault may touch front -> back, given latency (faults[0])), because: game day";
  for (const report of [run.html, run.markdown])
    expect(readFileSync(report, "utf8").replaceAll("&gt;", ">").replaceAll("\\", "")).toContain(beyond);
  expect(readFileSync(run.experiment, "utf8")).toContain("--beyond-limits 'game day'");
  expect(JSON.parse(interrupted.out())).toEqual(JSON.parse(readFileSync(run.summary, "utf8")));
  expect(interrupted.err()).toContain("SIGINT again: the fault is already being undone");

  const metrics = host("metrics", "latest", "--runs", fleet.runs, "--openmetrics");
  expect(await main(metrics)).toBe(0);
  const active = metrics
    .out()
    .match(/^chaos_fault_active\{.*\} [01](?= )/gm)
    ?.map((line) => line.at(-1));
  expect(active?.join("")).toMatch(/^0+1+0+$/);
  expect(metrics.out()).toMatch(/^up\{job="squall-proxy",instance="squall-proxy"\} 1 /m);

  const down = host("down", fleet.target);
  expect({ exitCode: await main(down), out: down.out() }).toEqual({
    exitCode: 0,
    out: "pair: nothing was running\n",
  });

  const again = host("report", "latest", "--runs", fleet.runs);
  expect(await main(again)).toBe(0);
  expect(again.out()).toContain("The front lives without the back");
  expect(again.out()).toContain("report.html");
});

test("a fault that the runtime cannot make is refused before anything is started, with what it can", async () => {
  const file = join(fleet.folder, "full.yaml");
  const text = readFileSync(fleet.experiment, "utf8");
  writeFileSync(
    file,
    text.replace(/faults: .*/, "faults: [{ disk-full: { process: back-db, leave: 1MB, for: 1s } }]"),
  );
  const runs = join(fleet.folder, "no-runs");
  const refused = host("run", file, "--runs", runs);
  expect(await main(refused)).toBe(3);
  expect(refused.err()).toContain(
    "the process runtime cannot fill a disk (disk-full on back-db); it can kill, stop, pause, limit processors",
  );
  expect(existsSync(runs)).toBe(false);
});

test("a fleet that up started is left running, has one edge broken by name, and is ended by down", async () => {
  const target = fleet.target;
  const up = host("up", target, "--json");
  expect(await main(up)).toBe(0);
  const { entry, edges } = JSON.parse(up.out()) as { entry: string; edges: { edge: string }[] };
  expect(edges.map(({ edge }) => edge)).toEqual(["client -> front", "front -> back", "back -> back-db"]);
  expect((await fetch(entry)).status).toBe(200);

  const second = host("up", target);
  expect(await main(second)).toBe(3);
  expect(second.err()).toContain("the fleet of pair is up already");

  expect(await main(host("fault", "add", "down", "--edge", "client -> front", "--target", target))).toBe(0);
  await expect(fetch(entry)).rejects.toThrow();
  expect(await main(host("fault", "remove", "--all", "--target", target))).toBe(0);
  expect((await fetch(entry)).status).toBe(200);

  const doctor = host("doctor", target);
  expect(await main(doctor)).toBe(0);
  expect(doctor.out()).toContain("it is up: runs use it as it is");

  const down = host("down", target);
  expect(await main(down)).toBe(0);
  expect(down.out()).toMatch(/^ended front \(process \d+\)$/m);
  await expect(fetch(entry)).rejects.toThrow();
});
