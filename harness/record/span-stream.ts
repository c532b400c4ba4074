import { jsonIn } from "../base/json.ts";
import { streamLines } from "../base/line-stream.ts";
import { decodeSpans } from "./otlp.ts";
import type { Span } from "./span.ts";

/** What of a file was no whole request. */
export interface SpanStreamLoss {
  /** Lines that are no JSON. */
  readonly invalidLines: number;
  /** Bytes of the last line, where it was cut off. */
  readonly cutBytes: number;
}

/**
 * The spans of `traces.otlp.jsonl`, one after the other: the file is never in memory as a whole, so it may be larger than
 * that. A file that does not exist has none.
 * @returns what was left out, when all is read
 * @throws {SQUALL_FILE} when the file exists and cannot be read
 */
export function* streamSpans(file: string): Generator<Span, SpanStreamLoss> {
  let invalidLines = 0;
  let cutBytes = 0;
  for (const { text, sizeBytes, isWhole } of streamLines(file)) {
    const request = isWhole ? jsonIn(text) : undefined;
    if (!isWhole) cutBytes = sizeBytes;
    else if (request === undefined) invalidLines += 1;
    else yield* decodeSpans(request);
  }
  return { invalidLines, cutBytes };
}
