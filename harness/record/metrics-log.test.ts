import { readFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openMetricsLog, readMetricsLog, type MetricsLine, type MetricsLoss } from "./metrics-log.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-metrics-log-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const began: MetricsLine = { event: "recording-began", version: 1, run: "a-run", everyMs: 1_000 };
const scraped = (atMs: number, body = `a ${atMs}\n`): MetricsLine => ({
  event: "scraped",
  job: "order",
  instance: "order-2",
  atMs,
  durationMs: 3,
  contentType: "text/plain",
  body,
});
const failed: MetricsLine = {
  event: "scrape-failed",
  job: "order",
  instance: "order-2",
  atMs: 2,
  durationMs: 900,
  message: "no whole answer within 900 ms",
};

async function read(file: string): Promise<MetricsLoss & { readonly lines: readonly MetricsLine[] }> {
  const lines: MetricsLine[] = [];
  const reading = readMetricsLog(file);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { ...next.value, lines };
    lines.push(next.value);
  }
}

function write(file: string, lines: readonly MetricsLine[], limitBytes?: number): string | undefined {
  const log = openMetricsLog(file, limitBytes);
  for (const line of lines) log.append(line);
  log[Symbol.dispose]();
  return log.problem;
}

test("lines come back in the order in which they were appended, and zcat reads them as well", async () => {
  const file = join(folder, "order.gz");
  const lines = [began, scraped(1, "x".repeat(3_000_000)), failed, scraped(3, 'é\n\u2028"\\')];
  expect(write(file, lines)).toBeUndefined();
  expect(await read(file)).toEqual({ lines, invalidLines: 0, isCut: false });
  const unpacked = gunzipSync(readFileSync(file)).toString("utf8").trimEnd().split("\n");
  expect(unpacked.map((line) => JSON.parse(line) as unknown)).toEqual(lines);
});

test("a file that is cut at any byte has every line before the cut", async () => {
  const file = join(folder, "cut.gz");
  const lines = [began, scraped(1), failed];
  write(file, lines);
  const whole = readFileSync(file);
  const counts: number[] = [];
  for (let length = 0; length < whole.length; length += 1) {
    const cut = join(folder, "cut-short.gz");
    writeFileSync(cut, whole.subarray(0, length));
    const { lines: left, invalidLines } = await read(cut);
    expect(left).toEqual(lines.slice(0, left.length));
    expect(invalidLines).toBe(0);
    counts.push(left.length);
  }
  expect(counts).toEqual(counts.toSorted((one, other) => one - other));
  expect(new Set(counts)).toEqual(new Set([0, 1, 2, 3]));
});

test("what stands behind a broken place is lost, with no more than 64 KB before it, and is said to be", async () => {
  const file = join(folder, "broken.gz");
  const lines = Array.from({ length: 100 }, (_, index) => scraped(index, "x".repeat(2_000)));
  write(file, [began, ...lines]);
  writeFileSync(file, Buffer.concat([readFileSync(file), gzipSync("x").fill(7, 10), Buffer.from("rubbish")]));
  const left = await read(file);
  expect(left.isCut).toBe(true);
  expect(left.lines).toEqual([began, ...lines].slice(0, left.lines.length));
  expect(left.lines.length).toBeGreaterThan(60);
});

test("a line that is none is counted, and those after it are read", async () => {
  const file = join(folder, "invalid.gz");
  write(file, [began]);
  const rest = ['{"event":"nothing"}', "no JSON", JSON.stringify(failed)].map((line) =>
    gzipSync(`${line}\n`),
  );
  writeFileSync(file, Buffer.concat([readFileSync(file), ...rest]));
  expect(await read(file)).toEqual({ lines: [began, failed], invalidLines: 2, isCut: false });
});

test("a file that does not exist has none", async () => {
  expect(await read(join(folder, "none.gz"))).toEqual({ lines: [], invalidLines: 0, isCut: false });
});

test("a file that has grown to its limit takes one more line, which says so", async () => {
  const file = join(folder, "full.gz");
  const problem = write(file, [began, scraped(1), scraped(2), scraped(3)], 150);
  expect(problem).toContain("150 bytes");
  const { lines } = await read(file);
  expect(lines.slice(0, 2)).toEqual([began, scraped(1)]);
  expect(lines.at(-1)).toEqual({
    event: "recording-full",
    atMs: lines.length === 3 ? 2 : 3,
    limitBytes: 150,
  });
});

test("a folder that is not there is an error of its own", () => {
  expect(() => openMetricsLog(join(folder, "none", "x.gz"))).toThrow(
    expect.objectContaining({ code: "SQUALL_FILE" }) as Error,
  );
});
