import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { systemClock } from "../../base/clock.ts";
import { readJsonl, type JsonlContent } from "../../base/jsonl.ts";
import { createRandom } from "../../base/random.ts";
import { waitFor } from "../../base/wait.ts";
import { historyLineSchema, type HistoryLine } from "../../record/history.ts";
import { runFolder } from "../../record/run-folder.ts";
import type { FromDriver, ToDriver } from "../driver-process.ts";
import type { LoadPlan, LoadProgress, LoadResult } from "../driver.ts";
import { planOf, poisson } from "../fixtures/plans.ts";
import { startScriptedServer, type SeenRequest } from "../fixtures/scripted-server.ts";
import { readLoadResult, type RecordedLoad } from "./recorded-load.ts";

/** Drivers that are killed at random moments while they work, each with a server of its own that says what it saw. */
interface Killed {
  readonly history: JsonlContent<HistoryLine>;
  readonly recorded: RecordedLoad;
  readonly seen: readonly SeenRequest[];
  readonly killedAtMs: number;
}

const seed = String(Date.now());
const random = createRandom(seed);
const ratePerSecond = 400;
const all: Killed[] = [];

// One after the other: drivers go before everything else on a machine, so five of them starve the servers they ask.
beforeAll(async () => {
  for (let count = 0; count < 5; count++) all.push(await killAfter(random.integer(300, 1_300)));
});

async function killAfter(afterMs: number): Promise<Killed> {
  await using server = await startScriptedServer();
  const folder = mkdtempSync(join(tmpdir(), "squall-crash-"));
  const { history: historyFile, histograms: histogramsFile } = runFolder(folder);
  const plan = planOf(server, {
    arrivals: poisson(ratePerSecond, 60_000),
    seed,
    historyFile,
    histogramsFile,
  });
  const driver = fork(new URL("../driver-main.ts", import.meta.url), {
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const send = (message: ToDriver<LoadPlan>): boolean => driver.send(message);
  const isReady = told(driver, "ready");
  send({ kind: "plan", plan });
  await isReady;
  const startAtMs = systemClock.nowMs();
  send({ kind: "begin", startAtMs });
  await waitFor({ what: "the first request", withinMs: 10_000 }, () => server.seen.length > 0);
  await systemClock.sleep(afterMs); // the random moment itself, not a wait for something
  const gone = once(driver, "exit");
  const killedAtMs = systemClock.nowMs();
  driver.kill("SIGKILL");
  await gone;
  return {
    history: readJsonl(historyFile, (value) => historyLineSchema.parse(value)),
    recorded: readLoadResult(folder),
    seen: server.seen.filter(({ atMs }) => atMs <= killedAtMs),
    killedAtMs,
  };
}

function told(driver: ChildProcess, kind: FromDriver<LoadProgress, LoadResult>["kind"]): Promise<void> {
  return new Promise((resolve) =>
    driver.on("message", (message: FromDriver<LoadProgress, LoadResult>) => {
      if (message.kind === kind) resolve();
    }),
  );
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

it("what a killed driver left is readable to the cut, whole lines only", () => {
  for (const { history, recorded, seen } of all) {
    expect(history.invalid, `seed ${seed}`).toEqual([]);
    expect(history.lines.length).toBeGreaterThan(0);
    // On a busy machine it may have been late as well.
    expect(recorded.drivers[0]?.problems).toContainEqual(expect.stringContaining("the driver died"));
    expect(recorded.steps[0]?.total.counts).toMatchObject({ fail: 0, unknown: 0 });
    expect(recorded.steps[0]?.total.total).toBeLessThanOrEqual(seen.length);
  }
});

/**
 * A busy machine may keep a driver from writing for longer now and then, so the bound is asked of the median of the
 * drivers; a recorder that writes every half second would be found by it nearly always.
 */
const withinMs = 100 + 50;

it("at most the last 100 ms of what the server saw is missing from the history", () => {
  const missingMs = all.map(({ history, seen, killedAtMs }) => {
    const kept = new Set(history.lines.map(({ traceId }) => traceId));
    const lost = seen.filter(({ headers }) => !kept.has(String(headers["traceparent"]).split("-")[1]));
    return killedAtMs - Math.min(killedAtMs, ...lost.map(({ atMs }) => atMs));
  });
  expect(median(missingMs), `${missingMs.join(", ")} ms, seed ${seed}`).toBeLessThan(withinMs);
});

it("and from the histograms", () => {
  const missingMs = all.map(({ recorded, seen, killedAtMs }) => {
    // Answered in order: what is missing is what came last.
    const lost = seen.slice(recorded.steps[0]?.total.total ?? 0);
    return killedAtMs - Math.min(killedAtMs, ...lost.map(({ atMs }) => atMs));
  });
  expect(median(missingMs), `${missingMs.join(", ")} ms, seed ${seed}`).toBeLessThan(withinMs);
});
