import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { readJsonl } from "../base/jsonl.ts";
import { waitFor } from "../base/wait.ts";
import type { LoadPlan } from "./driver.ts";
import { linesOf, planOf, poisson } from "./fixtures/plans.ts";
import { startScriptedServer, type ScriptedServer } from "./fixtures/scripted-server.ts";

/** A driver, or who started it, dies in the middle. */
let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  for (const parent of parents.splice(0)) parent.kill("SIGKILL"); // and with it its driver
  await server[Symbol.asyncDispose]();
});

const parents: ChildProcess[] = [];

/** A process of its own that starts a driver, tells its pid, and waits. */
const parentSource = `
  import { startDriver } from ${JSON.stringify(new URL("driver.ts", import.meta.url).href)};
  process.once("message", async (plan) => {
    const driver = await startDriver(plan, () => {});
    driver.begin(performance.timeOrigin + performance.now());
    driver.done.catch((error) => process.send({ error: error.message }));
    process.send({ begun: true });
  });`;

async function startParent(plan: LoadPlan) {
  const file = join(mkdtempSync(join(tmpdir(), "squall-parent-")), "parent.mjs");
  writeFileSync(file, parentSource);
  const parent = fork(file, { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  parents.push(parent);
  const errors: string[] = [];
  parent.on("message", (message: { error?: string }) => message.error && errors.push(message.error));
  parent.send(plan);
  await waitFor({ what: "some requests", withinMs: 20_000 }, () => server.seen.length > 20);
  return { parent, errors };
}

it("a parent that is killed takes its driver with it, and the history is whole", async () => {
  const plan = planOf(server, { arrivals: poisson(50, 60_000) });
  const { parent } = await startParent(plan);
  parent.kill("SIGKILL");
  await waitFor({ what: "the driver to end by itself", withinMs: 5_000 }, () =>
    readFileSync(plan.histogramsFile, "utf8").includes('"kind":"ended"'),
  );
  await waitFor({ what: "all requests to be in the history", withinMs: 5_000 }, () => {
    const { journeys, operations } = linesOf(plan.historyFile);
    return operations.length === server.seen.length && journeys.length === operations.length;
  });
  const requests = server.seen.length;
  expect(readJsonl(plan.historyFile, (value) => value).cutBytes).toBe(0);
  await systemClock.sleep(200); // at 50 a second ten would have come
  expect(server.seen.length).toBe(requests);
});

it("a driver that is killed leaves a history that is readable up to the cut, and is missed", async () => {
  const plan = planOf(server, { arrivals: poisson(50, 60_000) });
  const { errors, parent } = await startParent(plan);
  const pid = await childOf(parent.pid as number);
  process.kill(pid, "SIGKILL");
  await waitFor({ what: "the parent to miss it", withinMs: 5_000 }, () => errors.length > 0);
  expect(errors[0]).toMatch(/the load driver ended early \(SIGKILL\)/);
  parent.kill("SIGKILL");
  const { operations } = linesOf(plan.historyFile);
  // At most the last tenth of a second is lost; at 50 a second that is five, on a busy machine some more.
  expect(operations.length).toBeGreaterThan(server.seen.length - 20);
  expect(operations.length).toBeGreaterThan(0);
});

async function childOf(pid: number): Promise<number> {
  return waitFor({ what: `the child of ${pid}`, withinMs: 5_000 }, async () => {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return Number(children.trim().split(" ")[0]) || undefined;
  });
}
