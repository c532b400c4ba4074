import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../base/clock.ts";
import { readJsonl } from "../../base/jsonl.ts";
import { waitFor } from "../../base/wait.ts";
import { historyLineSchema, type HistoryLine } from "../../record/history.ts";
import { runFolder } from "../../record/run-folder.ts";
import { relativeError } from "../../stats/histogram.ts";
import { quantile } from "../../stats/quantile.ts";
import { startDriver, type LoadPlan } from "../driver.ts";
import { planOf, poisson } from "../fixtures/plans.ts";
import { startScriptedServer, type ScriptedServer } from "../fixtures/scripted-server.ts";
import { writeHgrm } from "./hgrm.ts";
import { loadSummarySchema, summarizeLoad } from "./load-summary.ts";
import { latenessOf, mergeLoadResults, readLoadResult, type RecordedLoad } from "./recorded-load.ts";

/**
 * Three driver processes at once against one server whose answers are scripted: what they recorded, merged, against
 * their histories and against what the server saw.
 */
const seeds = ["one", "two", "three"];
const mix = { ok: 4, slow: 2, unavailable: 2, reset: 1, "three-steps": 1 };
const ratePerSecond = 120;
const durationMs = 1_000;

let server: ScriptedServer;
let folders: readonly string[];
let history: readonly HistoryLine[];
let merged: RecordedLoad;

beforeAll(async () => {
  server = await startScriptedServer();
  folders = await Promise.all(
    seeds.map(async (seed) => {
      const path = mkdtempSync(join(tmpdir(), `squall-driver-${seed}-`));
      await drive(path, seed);
      return path;
    }),
  );
  history = folders.flatMap(
    (path) =>
      readJsonl<HistoryLine>(runFolder(path).history, (value) => historyLineSchema.parse(value)).lines,
  );
  merged = mergeLoadResults(folders.map(readLoadResult));
});
afterAll(() => server[Symbol.asyncDispose]());

function planIn(path: string, seed: string, lastsMs: number): LoadPlan {
  const { history: historyFile, histograms: histogramsFile } = runFolder(path);
  return planOf(server, {
    mix,
    arrivals: poisson(ratePerSecond, lastsMs),
    seed,
    historyFile,
    histogramsFile,
  });
}

async function drive(path: string, seed: string): Promise<void> {
  await using driver = await startDriver(planIn(path, seed, durationMs), () => undefined);
  driver.begin(systemClock.nowMs() + 100);
  await driver.done;
}

const linesOf = (name: string, step?: string): readonly HistoryLine[] =>
  history.filter(
    (line) => line.journey === name && (line.kind === "operation" ? line.step : undefined) === step,
  );
const seriesOf = (name: string, step?: string) =>
  [...merged.journeys, ...merged.steps].find((one) => one.journey === name && one.step === step);

it("every request that the server saw is counted once, under its step", () => {
  const seenAt = (path: string): number => server.seen.filter(({ url }) => url.startsWith(path)).length;
  const totalOf = (name: string, step: string): number => seriesOf(name, step)?.total.total ?? 0;
  expect(totalOf("slow", "slow")).toBe(seenAt("/slow/100"));
  expect(totalOf("unavailable", "unavailable")).toBe(seenAt("/status/503"));
  expect(totalOf("reset", "reset")).toBe(seenAt("/reset"));
  expect(totalOf("three-steps", "first")).toBe(seenAt("/slow/30"));
  expect(totalOf("three-steps", "third")).toBe(seenAt("/status/404"));
  expect(totalOf("ok", "ok")).toBe(seenAt("/ok?"));
  expect(merged.steps.reduce((sum, { total }) => sum + total.total, 0)).toBe(server.seen.length);
  expect(merged.steps.map(({ step }) => step)).not.toContain("never-taken");
});

it("completions and errors are those of the script", () => {
  const told = merged.journeys.map(({ journey, total }) => [
    journey,
    total.counts,
    Object.fromEntries(total.errors),
  ]);
  const number = (name: string): number => linesOf(name).length;
  for (const name of Object.keys(mix)) expect(number(name)).toBeGreaterThan(5);
  expect(told).toEqual([
    ["ok", { ok: number("ok"), fail: 0, unknown: 0 }, {}],
    ["reset", { ok: 0, fail: 0, unknown: number("reset") }, { reset: number("reset") }],
    ["slow", { ok: number("slow"), fail: 0, unknown: 0 }, {}],
    [
      "three-steps",
      { ok: 0, fail: number("three-steps"), unknown: 0 },
      { "http-404": number("three-steps") },
    ],
    [
      "unavailable",
      { ok: 0, fail: number("unavailable"), unknown: 0 },
      { "http-503": number("unavailable") },
    ],
  ]);
});

describe("percentiles of the merged load are those of the histories together", () => {
  it.each([
    ["ok", undefined],
    ["slow", "slow"],
    ["three-steps", undefined],
    ["three-steps", "second"],
    ["unavailable", "unavailable"],
  ])("%s %s", (name, step) => {
    const lines = linesOf(name, step);
    const total = seriesOf(name, step)?.total;
    for (const [histogram, samples] of [
      [total?.latency, lines.map(({ intendedMs, endedMs }) => endedMs - intendedMs)],
      [total?.service, lines.map(({ sentMs = 0, endedMs }) => endedMs - sentMs)],
    ] as const) {
      expect(histogram?.count).toBe(samples.length);
      for (const share of [0.5, 0.9, 0.99, 1]) {
        const exact = quantile(samples, share);
        expect(histogram?.percentileMs(share)).toBeGreaterThanOrEqual(exact);
        expect(histogram?.percentileMs(share)).toBeLessThanOrEqual(exact * (1 + relativeError));
      }
    }
  });

  it("and not under what the script takes", () => {
    expect(seriesOf("slow")?.total.latency.minMs).toBeGreaterThanOrEqual(99);
    // 30 ms of the first step and 50 ms of thinking.
    expect(seriesOf("three-steps")?.total.latency.minMs).toBeGreaterThanOrEqual(79);
  });
});

it("seconds of the wall clock add up to all", () => {
  for (const { slices, total } of [...merged.journeys, ...merged.steps])
    expect([...slices.values()].reduce((sum, slice) => sum + slice.total, 0)).toBe(total.total);
  const { seconds } = summarizeLoad(merged);
  const bySecond = Map.groupBy(
    history.filter(({ kind }) => kind === "journey"),
    ({ intendedMs }) => Math.floor(intendedMs / 1_000) * 1_000,
  );
  expect(seconds.map(({ fromMs, ok, fail, unknown }) => [fromMs, ok + fail + unknown])).toEqual(
    [...bySecond]
      .map(([fromMs, lines]) => [fromMs, lines.length])
      .sort(([one = 0], [other = 0]) => one - other),
  );
});

it("the drivers' own figures stay apart, and their lateness adds up", () => {
  const journeys = history.filter(({ kind }) => kind === "journey");
  expect(merged.drivers.map(({ seed }) => seed)).toEqual(seeds);
  for (const { problems, intended, started, drivenMs } of merged.drivers) {
    expect(problems).toEqual([]);
    expect(started).toBe(intended);
    expect(drivenMs).toBe(durationMs);
  }
  expect(latenessOf(merged).count).toBe(journeys.length);
  expect(merged.startMs).toBe(Math.min(...merged.drivers.map(({ startAtMs }) => startAtMs)));
  expect(merged.drivenMs).toBeGreaterThanOrEqual(durationMs);
});

it("one driver cannot be counted twice", () => {
  const [folder = ""] = folders;
  expect(() => mergeLoadResults([readLoadResult(folder), merged])).toThrow(/there twice/);
  expect(() => mergeLoadResults([])).toThrow(/no load to merge/);
});

it("drivers of one seed are a problem of their merged load, drivers of different seeds are not", () => {
  const [first, ...others] = merged.drivers;
  const alike = { ...merged, drivers: [first!, ...others.map((driver) => ({ ...driver, seed: "one" }))] };
  expect(summarizeLoad(alike).problems).toEqual([
    expect.stringMatching(/^3 drivers had the same seed "one"/),
  ]);
  expect(summarizeLoad(merged).problems).toEqual([]);
});

it("the summary keeps to its schema, as JSON too, and its figures are the load's", () => {
  const summary = summarizeLoad(merged);
  expect(loadSummarySchema.parse(JSON.parse(JSON.stringify(summary)))).toEqual(summary);
  const journeys = history.filter(({ kind }) => kind === "journey");
  const ok = journeys.filter(({ completion }) => completion === "ok").length;
  expect(summary.all).toMatchObject({ total: journeys.length, ok, unsent: 0 });
  expect(summary.all.okPerSecond).toBeCloseTo((ok * 1_000) / merged.drivenMs, 9);
  expect(summary).toMatchObject({ intended: journeys.length, started: journeys.length });
  const slow = summary.steps.find(({ step }) => step === "slow");
  expect(slow?.latency?.notEnoughFor).toContain("p999Ms");
  expect(slow?.latency?.p50Ms).toBe(seriesOf("slow", "slow")?.total.latency.percentileMs(0.5));
});

it("each journey and each step has a file of percentiles that ends at its count", () => {
  const folder = mkdtempSync(join(tmpdir(), "squall-hgrm-"));
  const files = writeHgrm(merged, folder);
  expect(files).toHaveLength(2 * (merged.journeys.length + merged.steps.length));
  expect(
    readdirSync(folder)
      .map((name) => join(folder, name))
      .sort(),
  ).toEqual(files.toSorted());
  const text = readFileSync(join(folder, "slow.slow.latency.hgrm"), "utf8");
  expect(text).toMatch(new RegExp(`Total count    = +${linesOf("slow", "slow").length}]`));
});

it("a driver that is stopped had arrivals until then", async () => {
  const path = mkdtempSync(join(tmpdir(), "squall-stopped-"));
  await using driver = await startDriver(planIn(path, "stopped", 60_000), () => undefined);
  const before = server.seen.length;
  const begunAtMs = systemClock.nowMs();
  driver.begin(begunAtMs);
  await waitFor({ what: "some requests", withinMs: 5_000 }, () => server.seen.length > before + 5);
  await driver.stop();
  const { drivenMs, drivers } = readLoadResult(path);
  expect(drivenMs).toBeGreaterThan(0);
  expect(drivenMs).toBeLessThanOrEqual(systemClock.nowMs() - begunAtMs);
  expect(drivers[0]?.problems).toEqual([]);
});
