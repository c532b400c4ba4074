import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readJournal } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import { processRuntime } from "../runtimes/process/process-runtime.ts";
import { fakeHost, type FakeHost } from "./fake-host.ts";
import { main } from "./main.ts";

// The whole of Squall on the smallest fleet there is: two services of ten lines, no store, no telemetry. Without spans
// a verdict cannot be "held": what is tested here is the way of the commands, not the judgement.
const files = {
  "service.mjs": `
    import http from "node:http";
    const back = process.env.BACK_URL;
    http.createServer(async (request, response) => {
      if (back === undefined || request.url === "/ready") return response.end("{}");
      await fetch(back, { signal: AbortSignal.timeout(500) }).then((answer) => answer.text(), () => "");
      response.end("{}");
    }).listen(Number(process.env.PORT), "127.0.0.1");
  `,
  "journeys.mjs": `
    export const journeys = { look: (context) => context.request("look", { method: "GET", path: "/" }) };
  `,
  "target.yaml": `
name: pair
entry: front
services:
  front:
    command: [node, service.mjs]
    ports: { http: PORT }
    ready: /ready
    calls: { back: { env: BACK_URL, value: "http://{address}" } }
  back:
    command: [node, service.mjs]
    ports: { http: PORT }
    ready: /ready
journeys: { module: journeys.mjs, names: [look] }
`,
  "experiment.yaml": `
title: The front lives without the back
target: target.yaml
load: { journey: look, rate: 40/s }
phases: { warmup: 1s, baseline: 2s, fault: 30s, recovery: 1s }
faults: [{ down: { edge: front -> back } }]
hypothesis: [{ success: { journey: look, at-least: 50% } }]
`,
} as const;

let folder = "";
let runs = "";
const path = (file: keyof typeof files): string => join(folder, file);
const host = (...args: readonly string[]): FakeHost => fakeHost(args, { runtime: processRuntime() });

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "squall-pair-")));
  runs = join(folder, "runs");
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
});
afterEach(async () => {
  await main(host("down", path("target.yaml")));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("Ctrl-C in the fault phase undoes the fault, reports, ends with 130 and leaves nothing running", async () => {
  const interrupted = host("run", path("experiment.yaml"), "--runs", runs, "--json");
  const stderr = {
    ...interrupted.stderr,
    write(text: string) {
      interrupted.stderr.write(text);
      if (text.includes("injected:")) for (let times = 0; times < 2; times += 1) interrupted.signal("SIGINT");
    },
  };

  expect(await main({ ...interrupted, stderr })).toBe(130);

  const run = runFolder(join(runs, readdirSync(runs).at(-1) ?? ""));
  const journal = readJournal(run.journal).lines;
  const events = journal.map(({ event }) => event);
  expect(events.indexOf("undo-planned")).toBeLessThan(events.indexOf("fault-injected"));
  expect(journal).toContainEqual(expect.objectContaining({ event: "interrupted", signal: "SIGINT" }));
  expect(journal).toContainEqual(expect.objectContaining({ event: "fault-undone", by: "interrupt" }));
  expect(journal.at(-1)).toMatchObject({ event: "run-ended", exitCode: 130 });
  for (const report of [run.summary, run.html, run.markdown, run.junit])
    expect(existsSync(report)).toBe(true);
  expect(JSON.parse(interrupted.out())).toEqual(JSON.parse(readFileSync(run.summary, "utf8")));
  expect(interrupted.err()).toContain("SIGINT again: the fault is already being undone");

  const down = host("down", path("target.yaml"));
  expect({ exitCode: await main(down), out: down.out() }).toEqual({
    exitCode: 0,
    out: "pair: nothing was running\n",
  });

  const again = host("report", "latest", "--runs", runs);
  expect(await main(again)).toBe(0);
  expect(again.out()).toContain("The front lives without the back");
  expect(again.out()).toContain("report.html");
});

test("a fleet that up started is left running, has one edge broken by name, and is ended by down", async () => {
  const target = path("target.yaml");
  const up = host("up", target, "--json");
  expect(await main(up)).toBe(0);
  const { entry, edges } = JSON.parse(up.out()) as { entry: string; edges: { edge: string }[] };
  expect(edges.map(({ edge }) => edge)).toEqual(["client -> front", "front -> back"]);
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
