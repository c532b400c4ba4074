import { closeSync, openSync, readSync } from "node:fs";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";
import { jsonIn } from "../base/json.ts";
import { decodeSpans } from "./otlp.ts";
import type { Span } from "./span.ts";

/** What of a file was no whole request. */
export interface SpanStreamLoss {
  /** Lines that are no JSON. */
  readonly invalidLines: number;
  /** Bytes of the last line, where it was cut off. */
  readonly cutBytes: number;
}

const chunkBytes = 1 << 20;
const lineFeed = 0x0a;

/**
 * The spans of `traces.otlp.jsonl`, one after the other: the file is never in memory as a whole, so it may be larger than
 * that. A file that does not exist has none.
 * @returns what was left out, when all is read
 * @throws {SQUALL_FILE} when the file exists and cannot be read
 */
export function* streamSpans(file: string): Generator<Span, SpanStreamLoss> {
  let invalidLines = 0;
  let rest: Buffer[] = [];
  for (const chunk of chunksOf(file)) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString("utf8");
      rest = [];
      start = end + 1;
      const request = jsonIn(line);
      if (request === undefined) invalidLines += 1;
      else yield* decodeSpans(request);
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  return { invalidLines, cutBytes: rest.reduce((sum, { length }) => sum + length, 0) };
}

function* chunksOf(file: string): Generator<Buffer> {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw new SquallError("SQUALL_FILE", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const read = readSync(descriptor, chunk, 0, chunk.length, null);
      if (read === 0) return;
      yield chunk.subarray(0, read);
    }
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}
