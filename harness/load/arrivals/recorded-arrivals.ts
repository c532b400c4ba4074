import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { z } from "zod";
import { unknownName } from "../../base/fields.ts";
import { SquallError, messageOf } from "../../base/errors.ts";
import type { HistoryLine } from "../../record/history.ts";

/**
 * Arrivals that were recorded somewhere, to be replayed: when each came, from the first on, and which journey it was. A
 * file of them is one of three:
 *
 *   arrivals.csv    first line `atMs` or `atMs,journey`, then one arrival a line: 1250.5,checkout
 *   arrivals.jsonl  one arrival a line: {"atMs":1250.5,"journey":"checkout"}
 *   history.jsonl   what a run has left: every journey at its intended start
 *
 * `atMs` is in milliseconds from any zero (epoch milliseconds will do); lines may come in any order. Without a journey,
 * one is drawn from the load's mix.
 */
export interface RecordedArrival {
  /** From the first arrival, which is at 0. */
  readonly atMs: number;
  readonly journey?: string | undefined;
}

/** Kept in memory while they are replayed. */
const mostArrivals = 5_000_000;
const mostProblems = 5;

/**
 * @param journeys those that may be named; any where left out
 * @returns in order of time
 * @throws {SQUALL_FILE} when the file cannot be read
 * @throws {SQUALL_PREFLIGHT} when it holds no arrivals, naming each line that is none
 */
export function readRecordedArrivals(file: string, journeys?: readonly string[]): readonly RecordedArrival[] {
  const lines = linesIn(file);
  const isCsv = extname(file) === ".csv";
  const head = isCsv ? lines.shift()?.trim() : undefined;
  if (isCsv && head !== "atMs" && head !== "atMs,journey")
    throw invalid(file, [`line 1: expected "atMs" or "atMs,journey", got "${head ?? ""}"`]);
  const problems: string[] = [];
  const arrivals: RecordedArrival[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    try {
      const arrival = isCsv ? fromCsv(line, head === "atMs,journey") : fromJson(line);
      if (arrival === undefined) continue;
      if (arrival.journey !== undefined && journeys !== undefined && !journeys.includes(arrival.journey))
        throw new Error(unknownName("journey", arrival.journey, journeys));
      arrivals.push(arrival);
    } catch (error) {
      problems.push(`line ${index + (isCsv ? 2 : 1)}: ${messageOf(error)}`);
      if (problems.length > mostProblems) break;
    }
  }
  if (problems.length > 0) throw invalid(file, problems);
  if (arrivals.length === 0) throw invalid(file, ["expected at least one arrival"]);
  if (arrivals.length > mostArrivals)
    throw invalid(file, [`expected at most ${mostArrivals} arrivals, got ${arrivals.length}`]);
  return fromFirst(arrivals);
}

/** The arrivals of a run, from its history. */
export function arrivalsOfHistory(history: Iterable<HistoryLine>): readonly RecordedArrival[] {
  const arrivals: RecordedArrival[] = [];
  for (const line of history)
    if (line.kind === "journey") arrivals.push({ atMs: line.intendedMs, journey: line.journey });
  return fromFirst(arrivals);
}

/**
 * Recorded arrivals for as long as a load lasts: again from the first after the last, a mean gap later.
 * @param arrivals in order of time, the first at 0
 */
export function* repeated(
  arrivals: readonly RecordedArrival[],
  durationMs: number,
): Generator<RecordedArrival, void> {
  const lengthMs = recordedLengthMs(arrivals);
  for (let startMs = 0; ; startMs += lengthMs)
    for (const arrival of arrivals) {
      const atMs = startMs + arrival.atMs;
      if (atMs > durationMs) return;
      yield { ...arrival, atMs };
    }
}

/** From the first arrival to where the recording would begin again: the last arrival and a mean gap more. */
export function recordedLengthMs(arrivals: readonly RecordedArrival[]): number {
  const lastMs = arrivals.at(-1)?.atMs ?? 0;
  return lastMs === 0 ? Infinity : lastMs + lastMs / (arrivals.length - 1);
}

function fromFirst(arrivals: RecordedArrival[]): readonly RecordedArrival[] {
  const sorted = arrivals.sort((one, other) => one.atMs - other.atMs);
  const firstMs = sorted[0]?.atMs ?? 0;
  return sorted.map(({ atMs, journey }) => ({
    atMs: atMs - firstMs,
    ...(journey === undefined ? {} : { journey }),
  }));
}

const atMsError = "expected atMs, a number of milliseconds";
const arrivalSchema = z.strictObject({
  atMs: z.number({ error: atMsError }),
  journey: z.string({ error: "expected journey, the name of a journey" }).min(1).optional(),
});
/** Of a run's history only what is needed: its lines may hold more than this version knows. */
const historySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("journey"), intendedMs: z.number(), journey: z.string() }),
  z.object({ kind: z.literal("operation") }),
]);

function fromJson(line: string): RecordedArrival | undefined {
  const value: unknown = JSON.parse(line);
  if (typeof value === "object" && value !== null && "kind" in value) {
    const read = historySchema.safeParse(value);
    if (!read.success) throw new Error("expected a line of a run's history");
    if (read.data.kind === "operation") return undefined;
    return { atMs: read.data.intendedMs, journey: read.data.journey };
  }
  const read = arrivalSchema.safeParse(value);
  if (!read.success) throw new Error(read.error.issues.map(({ message }) => message).join("; "));
  return read.data;
}

function fromCsv(line: string, hasJourney: boolean): RecordedArrival {
  const [at = "", journey, ...more] = line.split(",").map((cell) => cell.trim());
  const atMs = Number(at);
  if (at === "" || !Number.isFinite(atMs)) throw new Error(`${atMsError}, got "${at}"`);
  if (more.length > 0 || (journey !== undefined) !== hasJourney)
    throw new Error(`expected ${hasJourney ? "atMs,journey" : "atMs alone"}, got "${line.trim()}"`);
  return { atMs, ...(journey === undefined || journey === "" ? {} : { journey }) };
}

function linesIn(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function invalid(file: string, problems: readonly string[]): SquallError {
  return new SquallError(
    "SQUALL_PREFLIGHT",
    `${file} holds no arrivals to replay: ${problems.slice(0, mostProblems).join("; ")}${problems.length > mostProblems ? "; …" : ""}`,
    { hint: "what such a file looks like: docs/experiments.md#load" },
  );
}
