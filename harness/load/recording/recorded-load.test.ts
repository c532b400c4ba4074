import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runFolder } from "../../record/run-folder.ts";
import type { HistogramLine } from "./histogram-line.ts";
import { readLoadResult } from "./recorded-load.ts";
import { createTally } from "./tally.ts";

const startAtMs = 1_700_000_000_000;

function intervalLine(fromMs: number, tookMs: number): HistogramLine {
  const tally = createTally();
  tally.add({ intendedMs: fromMs, sentMs: fromMs, endedMs: fromMs + tookMs, completion: "ok" });
  return { kind: "interval", fromMs, journey: "buy", tally: tally.toJSON() };
}

const lines: readonly HistogramLine[] = [
  {
    kind: "begun",
    schemaVersion: 1,
    driver: "d1",
    startAtMs,
    seed: "seed",
    baseUrl: "http://127.0.0.1:1",
    mix: { buy: 1 },
    timeoutMs: 500,
    maxConnections: 4,
  },
  intervalLine(startAtMs, 10),
  intervalLine(startAtMs + 900, 20),
  { kind: "progress", atMs: startAtMs + 1_000, drivenMs: 1_000, intended: 3, started: 3 },
  intervalLine(startAtMs + 1_000, 30),
  { kind: "ended", atMs: startAtMs + 1_100 },
];

function folderOf(...content: readonly unknown[]): string {
  const folder = mkdtempSync(join(tmpdir(), "squall-recorded-"));
  writeFileSync(runFolder(folder).histograms, content.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return folder;
}

it("intervals are told by second, and all together", () => {
  const { journeys, steps, startMs, drivenMs, drivers } = readLoadResult(folderOf(...lines));
  expect({ startMs, drivenMs }).toEqual({ startMs: startAtMs, drivenMs: 1_000 });
  expect(drivers[0]).toMatchObject({ driver: "d1", seed: "seed", problems: [] });
  expect(steps).toEqual([]);
  const [buy] = journeys;
  expect(journeys).toHaveLength(1);
  expect([...(buy?.slices ?? [])].map(([fromMs, { total }]) => [fromMs - startAtMs, total])).toEqual([
    [0, 2],
    [1_000, 1],
  ]);
  expect(buy?.total.latency).toMatchObject({ count: 3, minMs: 10, maxMs: 30 });
});

it("a file that was cut at any byte is read up to there, and the driver's death is told", () => {
  const whole = folderOf(...lines);
  const file = runFolder(whole).histograms;
  const bytes = readFileSync(file);
  const endOfFirst = bytes.indexOf("\n") + 1;
  for (let length = endOfFirst; length < bytes.length; length += 7) {
    const cut = folderOf();
    copyFileSync(file, runFolder(cut).histograms);
    truncateSync(runFolder(cut).histograms, length);
    const { journeys, drivers } = readLoadResult(cut);
    const wholeIntervals = bytes
      .toString("utf8", 0, length)
      .split("\n")
      .slice(0, -1)
      .filter((line) => line.includes("tally"));
    expect(journeys[0]?.total.total ?? 0).toBe(wholeIntervals.length);
    expect(drivers[0]?.problems).toEqual(["the driver died: up to the last 100 ms before are missing"]);
  }
});

it("a line that is none is told, and the others count", () => {
  const folder = folderOf(lines[0], { kind: "interval", fromMs: 1 }, ...lines.slice(1));
  appendFileSync(runFolder(folder).histograms, "no JSON\n");
  const { journeys, drivers } = readLoadResult(folder);
  expect(journeys[0]?.total.total).toBe(3);
  expect(drivers[0]?.problems).toEqual([
    expect.stringMatching(/^line 2 of its histograms cannot be read: /),
    expect.stringMatching(/^line 8 of its histograms cannot be read: /),
  ]);
});

it("a folder without a load is refused", () => {
  for (const folder of [folderOf(), folderOf(...lines.slice(1)), mkdtempSync(join(tmpdir(), "squall-none-"))])
    expect(() => readLoadResult(folder)).toThrow(expect.objectContaining({ code: "SQUALL_FILE" }) as Error);
});
