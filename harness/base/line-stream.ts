import { closeSync, openSync, readSync } from "node:fs";
import { SquallError, messageOf, systemErrorCode } from "./errors.ts";

/** One line of a file. */
export interface FileLine {
  /** Without its end. */
  readonly text: string;
  /** In the file, without its end. */
  readonly sizeBytes: number;
  /** False for a last line that does not end, and for one that is longer than what is kept of it. */
  readonly isWhole: boolean;
}

export interface LineStreamOptions {
  /** What is kept of one line: the rest of a longer one is read past. @default all */
  readonly mostBytes?: number;
}

const chunkBytes = 1 << 20;
const lineFeed = 0x0a;

/**
 * The lines of a file, one after the other: the file is never in memory as a whole, so it may be larger than that. A
 * file that does not exist has none.
 * @throws {SQUALL_FILE} when the file exists and cannot be read
 */
export function* streamLines(
  file: string,
  { mostBytes = Infinity }: LineStreamOptions = {},
): Generator<FileLine> {
  let begun: Buffer[] = [];
  let keptBytes = 0;
  let sizeBytes = 0;
  const take = (part: Buffer): void => {
    const kept = part.subarray(0, Math.max(0, mostBytes - keptBytes));
    if (kept.length > 0) begun.push(kept);
    keptBytes += kept.length;
    sizeBytes += part.length;
  };
  const end = (isEnded: boolean): FileLine => {
    const [first] = begun;
    const kept = begun.length === 1 && first !== undefined ? first : Buffer.concat(begun);
    const line = { text: kept.toString("utf8"), sizeBytes, isWhole: isEnded && keptBytes === sizeBytes };
    begun = [];
    keptBytes = sizeBytes = 0;
    return line;
  };
  for (const chunk of chunksOf(file)) {
    let start = 0;
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, start)) {
      take(chunk.subarray(start, at));
      start = at + 1;
      yield end(true);
    }
    // A copy: the next chunk is read into the same memory.
    if (start < chunk.length) take(Buffer.from(chunk.subarray(start)));
  }
  if (sizeBytes > 0) yield end(false);
}

/** Each is overwritten by the next. */
function* chunksOf(file: string): Generator<Buffer> {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw cannotRead(file, error);
  }
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const read = readChunk(file, descriptor, chunk);
      if (read === 0) return;
      yield chunk.subarray(0, read);
    }
  } finally {
    closeSync(descriptor);
  }
}

function readChunk(file: string, descriptor: number, chunk: Buffer): number {
  try {
    return readSync(descriptor, chunk, 0, chunk.length, null);
  } catch (error) {
    throw cannotRead(file, error);
  }
}

function cannotRead(file: string, error: unknown): SquallError {
  return new SquallError("SQUALL_FILE", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
}
