import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readJsonl } from "../../base/jsonl.ts";
import { waitFor } from "../../base/wait.ts";
import type { HistoryLine, JourneyLine, OperationLine } from "../../record/history.ts";
import { runFolder } from "../../record/run-folder.ts";
import { histogramLineSchema, type HistogramLine } from "./histogram-line.ts";
import { readLoadResult } from "./recorded-load.ts";
import { openRecorder, type Recorder } from "./recorder.ts";

const startAtMs = 1_700_000_000_000;
const begun = {
  driver: "d1",
  startAtMs,
  seed: "seed",
  baseUrl: "http://127.0.0.1:1",
  mix: { buy: 1 },
  timeoutMs: 500,
  maxConnections: 4,
};

function open(): { readonly path: string; readonly recorder: Recorder } {
  const path = mkdtempSync(join(tmpdir(), "squall-recorder-"));
  const { history, histograms } = runFolder(path);
  const onError = (error: Error): never => {
    throw error;
  };
  return {
    path,
    recorder: openRecorder({ historyFile: history, histogramsFile: histograms, begun }, onError),
  };
}

function operation(intendedMs: number, tookMs: number, changes: Partial<OperationLine> = {}): OperationLine {
  return {
    kind: "operation",
    arrival: 0,
    journey: "buy",
    step: "pay",
    method: "POST",
    route: "/pay",
    intendedMs: startAtMs + intendedMs,
    sentMs: startAtMs + intendedMs,
    endedMs: startAtMs + intendedMs + tookMs,
    completion: "ok",
    ...changes,
  };
}

const journey = (intendedMs: number, tookMs: number): JourneyLine => ({
  kind: "journey",
  arrival: 0,
  journey: "buy",
  intendedMs: startAtMs + intendedMs,
  endedMs: startAtMs + intendedMs + tookMs,
  completion: "fail",
  error: { kind: "not-sent", message: "" },
  operations: 0,
});

const linesOf = (path: string): readonly HistogramLine[] => {
  const { lines, invalid } = readJsonl(runFolder(path).histograms, (value) =>
    histogramLineSchema.parse(value),
  );
  expect(invalid).toEqual([]);
  return lines;
};

it("each operation is a line of the history, and counted where it was intended", async () => {
  const { path, recorder } = open();
  const lines: HistoryLine[] = [operation(10, 5), operation(199, 5), operation(200, 5), journey(250, 1_000)];
  for (const line of lines) recorder.add(line);
  await recorder.close();
  expect(readFileSync(runFolder(path).history, "utf8")).toBe(
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
  const intervals = linesOf(path).filter((line) => line.kind === "interval");
  expect(
    intervals.map(({ fromMs, journey: name, step, tally: { counts } }) => [
      fromMs - startAtMs,
      name,
      step,
      counts,
    ]),
  ).toEqual([
    [0, "buy", "pay", { ok: 1 }],
    [100, "buy", "pay", { ok: 1 }],
    [200, "buy", "pay", { ok: 1 }],
    [200, "buy", undefined, { fail: 1 }],
  ]);
});

it("what ends late is a further line of its interval, and adds up with the others", async () => {
  const { path, recorder } = open();
  recorder.add(operation(10, 5));
  await waitFor({ what: "the first line", withinMs: 5_000 }, () =>
    linesOf(path).some(({ kind }) => kind === "interval"),
  );
  recorder.add(operation(20, 2_000, { completion: "unknown", error: { kind: "timeout", message: "" } }));
  await recorder.close();
  const intervals = linesOf(path).filter((line) => line.kind === "interval");
  expect(intervals.map(({ fromMs }) => fromMs - startAtMs)).toEqual([0, 0]);
  const [steps] = readLoadResult(path).steps;
  expect(steps?.total.counts).toEqual({ ok: 1, fail: 0, unknown: 1 });
  expect(steps?.total.latency).toMatchObject({ count: 2, minMs: 5, maxMs: 2_000 });
});

it("a recorder that nothing comes to writes nothing more", async () => {
  const { path, recorder } = open();
  const { histograms } = runFolder(path);
  await waitFor({ what: "the first line", withinMs: 5_000 }, () => statSync(histograms).size > 0);
  recorder.start(startAtMs, 0.5);
  await waitFor({ what: "the starts", withinMs: 5_000 }, () => linesOf(path).length === 2);
  await recorder.close();
  expect(linesOf(path).map(({ kind }) => kind)).toEqual(["begun", "starts", "ended"]);
});

it("how late journeys started, and how far the driver came, are read back", async () => {
  const { path, recorder } = open();
  for (const lateMs of [-0.04, 1, 3]) recorder.start(startAtMs + 10, lateMs);
  const health = {
    lateP99Ms: 3,
    lateMaxMs: 3,
    cpuShare: 0.9,
    stallMaxMs: 40,
    problem: "the driver was busy",
  };
  recorder.progress({ atMs: startAtMs + 250, drivenMs: 250, intended: 3, started: 3 });
  recorder.progress({ atMs: startAtMs + 500, drivenMs: 500, intended: 4, started: 3, health });
  await recorder.close();
  const { drivers, drivenMs } = readLoadResult(path);
  expect(drivenMs).toBe(500);
  expect(drivers).toEqual([
    {
      ...begun,
      drivenMs: 500,
      intended: 4,
      started: 3,
      late: expect.anything() as unknown,
      health,
      problems: ["the driver was busy"],
    },
  ]);
  expect(drivers[0]?.late).toMatchObject({ count: 3, minMs: 0, maxMs: 3 });
});

describe("a file that cannot be written", () => {
  it.each(["history", "histograms"] as const)("%s is told once, and fails the end", async (which) => {
    const path = mkdtempSync(join(tmpdir(), "squall-recorder-"));
    const { history, histograms } = runFolder(path);
    const files = {
      historyFile: history,
      histogramsFile: histograms,
      [`${which}File`]: join(path, "no", "file"),
    };
    const errors: Error[] = [];
    const recorder = openRecorder({ ...files, begun }, (error) => errors.push(error));
    recorder.add(operation(0, 1));
    await waitFor({ what: "the error", withinMs: 5_000 }, () => errors.length > 0);
    await expect(recorder.close()).rejects.toMatchObject({ code: "SQUALL_FILE" });
    expect(errors).toHaveLength(1);
  });
});
