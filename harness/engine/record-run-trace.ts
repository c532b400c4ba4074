import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { SquallError, messageOf } from "../base/errors.ts";
import { readJournal } from "../record/journal.ts";
import { runAttribute } from "../record/otlp.ts";
import type { RunFolder } from "../record/run-folder.ts";
import { streamSpans } from "../record/span-stream.ts";
import type { Span } from "../record/span.ts";
import type { Summary } from "../record/summary.ts";
import { find } from "./evidence.ts";
import { runTrace, type RunTraceRequest } from "./run-trace.ts";

/**
 * Puts a run's own trace at the end of its `traces.otlp.jsonl`; one that is there already gives way to it.
 * @returns what it put there
 * @throws {SQUALL_FILE} when the file cannot be written
 */
export function recordRunTrace(folder: RunFolder, summary: Summary): RunTraceRequest {
  const zeroMs = find(readJournal(folder.journal).lines, "load-started")?.zeroMs ?? summary.run.startedAtMs;
  const rootSpanIds = rootsOf(
    streamSpans(folder.traces),
    new Set(summary.traces.map(({ traceId }) => traceId)),
  );
  const request = runTrace(summary, { zeroMs, rootSpanIds });
  replaceLastLine(folder.traces, JSON.stringify(request));
  return request;
}

/** Of each trace the first span that names no parent; else the first of all, which names the client's. */
function rootsOf(spans: Iterable<Span>, traceIds: ReadonlySet<string>): ReadonlyMap<string, string> {
  const roots = new Map<string, Span>();
  for (const span of spans) {
    if (!traceIds.has(span.traceId)) continue;
    const found = roots.get(span.traceId);
    if (found === undefined || rank(span) < rank(found)) roots.set(span.traceId, span);
  }
  return new Map([...roots].map(([traceId, { spanId }]) => [traceId, spanId]));
}

function rank({ parentSpanId, startMs }: Span): number {
  return parentSpanId === undefined ? startMs - Number.MAX_SAFE_INTEGER : startMs;
}

/** A run's trace has tens of spans: its line is far shorter. */
const longestLineBytes = 1 << 20;
const lineFeed = 0x0a;

function replaceLastLine(file: string, line: string): void {
  try {
    const descriptor = openSync(file, "a+");
    try {
      const { size } = fstatSync(descriptor);
      const tail = Buffer.alloc(Math.min(size, longestLineBytes));
      readSync(descriptor, tail, 0, tail.length, size - tail.length);
      const isEnded = tail.length === 0 || tail.at(-1) === lineFeed;
      const start = tail.lastIndexOf(lineFeed, isEnded ? -2 : -1) + 1;
      // A run's trace that a crash cut off goes as well.
      const isRunTrace = tail.subarray(start).toString("utf8").startsWith(beginning);
      if (isRunTrace) ftruncateSync(descriptor, size - tail.length + start);
      writeSync(descriptor, `${isEnded || isRunTrace ? "" : "\n"}${line}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

const beginning = `{"resourceSpans":[{"resource":{"attributes":[{"key":"${runAttribute}"`;
