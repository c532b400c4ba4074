/**
 * What recording costs the load driver, in processor time and bytes: a line of the history by JSON.stringify, by text put
 * together by hand, and compressed; and an operation in the histograms, at different numbers a second.
 *
 *   node bench/recording.ts
 *
 * Reads and writes memory and the null device only; about ten seconds. docs/adr/0011-plain-lines.md rests on it.
 */
import { devNull } from "node:os";
import { constants, zstdCompressSync } from "node:zlib";
import { createRandom } from "../harness/base/random.ts";
import { openRecorder } from "../harness/load/recording/recorder.ts";
import { createTally } from "../harness/load/recording/tally.ts";
import type { OperationLine } from "../harness/record/history.ts";
import { median } from "./rounds.ts";

const rounds = 9;
const random = createRandom("recording");
const operations = Array.from({ length: 20_000 }, (_, arrival) => operation(arrival));

interface Measured {
  readonly what: string;
  /** Processor time of this process, all threads, median of the rounds. */
  readonly "µs a line": number;
  readonly "bytes a line"?: number;
}

const text = operations.map((line) => `${JSON.stringify(line)}\n`).join("");
for (const line of operations)
  if (byHand(line) !== `${JSON.stringify(line)}\n`) throw new Error("the hand-written line is another one");

console.table([
  measure("history line, JSON.stringify", operations.length, () => {
    let gathered = "";
    for (const line of operations) gathered += `${JSON.stringify(line)}\n`;
    return Buffer.byteLength(gathered);
  }),
  measure("history line, by hand", operations.length, () => {
    let gathered = "";
    for (const line of operations) gathered += byHand(line);
    return Buffer.byteLength(gathered);
  }),
  ...[20, 200, 2_000].map((lines) =>
    measure(`zstd on top, ${lines * 10} lines/s in frames of 100 ms`, operations.length, () =>
      compress(lines),
    ),
  ),
  ...[10, 100, 1_000].map((perInterval) =>
    measure(`histograms, ${perInterval * 10} operations/s of one step`, operations.length, () =>
      tally(perInterval),
    ),
  ),
  await measureRecorder(),
]);

function measure(what: string, lines: number, work: () => number): Measured {
  let sizeBytes = 0;
  const timesUs = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    sizeBytes = work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / lines;
  });
  return {
    what,
    "µs a line": rounded(median(timesUs.slice(1)), 2),
    "bytes a line": rounded(sizeBytes / lines, 0),
  };
}

/** @returns bytes */
function compress(linesAFrame: number): number {
  const lines = text.split("\n");
  let sizeBytes = 0;
  for (let from = 0; from < operations.length; from += linesAFrame)
    sizeBytes += zstdCompressSync(lines.slice(from, from + linesAFrame).join("\n"), {
      params: { [constants.ZSTD_c_compressionLevel]: 1 },
    }).length;
  return sizeBytes;
}

/** Counting operations, and a line every so many. @returns bytes */
function tally(perInterval: number): number {
  let gathered = "";
  for (let from = 0; from < operations.length; from += perInterval) {
    const counted = createTally();
    for (const line of operations.slice(from, from + perInterval)) counted.add(line);
    gathered += JSON.stringify({
      kind: "interval",
      fromMs: 1_795_290_942_100,
      journey: "checkout",
      step: "place-order",
      tally: counted,
    });
  }
  return Buffer.byteLength(gathered);
}

/** All of it together, as the driver does it: 20,000 operations at 100 a turn of the event loop. */
async function measureRecorder(): Promise<Measured> {
  const timesUs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const begun = {
      driver: "bench",
      startAtMs: 0,
      seed: "",
      baseUrl: "",
      mix: {},
      timeoutMs: 0,
      maxConnections: 0,
    };
    const before = process.cpuUsage();
    const recorder = openRecorder({ historyFile: devNull, histogramsFile: devNull, begun }, (error) => {
      throw error;
    });
    for (const [at, line] of operations.entries()) {
      recorder.add(line);
      if (at % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await recorder.close();
    const { user, system } = process.cpuUsage(before);
    timesUs.push((user + system) / operations.length);
  }
  return {
    what: "all of it: the recorder, 10,000 operations/s",
    "µs a line": rounded(median(timesUs.slice(1)), 2),
  };
}

function operation(arrival: number): OperationLine {
  const intendedMs = 1_795_290_942_100 + arrival / 10 + random.next() / 10;
  const sentMs = intendedMs + random.exponential(0.2);
  const hasFailed = random.next() < 0.02;
  return {
    kind: "operation",
    arrival,
    journey: "checkout",
    step: "place-order",
    method: "POST",
    route: "/api/checkout",
    intendedMs,
    sentMs,
    endedMs: sentMs + 2 + random.exponential(8),
    completion: hasFailed ? "fail" : "ok",
    ...(hasFailed ? { error: { kind: "http-503", message: "unavailable" } } : {}),
    status: hasFailed ? 503 : 201,
    traceId: hex(32),
    ...(random.next() < 0.2
      ? { told: { orderId: `o-${hex(8)}`, status: "confirmed", totalCents: arrival } }
      : {}),
  };
}

function hex(digits: number): string {
  return Array.from({ length: digits }, () => random.integer(0, 16).toString(16)).join("");
}

/** What JSON.stringify gives, field by field, with the texts that repeat left unquoted. */
function byHand({ told, error, ...line }: OperationLine): string {
  return (
    `{"kind":"operation","arrival":${line.arrival},"journey":"${line.journey}","step":"${line.step}"` +
    `,"method":"${line.method}","route":"${line.route}","intendedMs":${line.intendedMs}` +
    (line.sentMs === undefined ? "" : `,"sentMs":${line.sentMs}`) +
    `,"endedMs":${line.endedMs},"completion":"${line.completion}"` +
    (error === undefined ? "" : `,"error":${JSON.stringify(error)}`) +
    (line.status === undefined ? "" : `,"status":${line.status}`) +
    (line.traceId === undefined ? "" : `,"traceId":"${line.traceId}"`) +
    (told === undefined ? "" : `,"told":${JSON.stringify(told)}`) +
    "}\n"
  );
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
