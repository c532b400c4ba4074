import { closeSync, fdatasyncSync, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { SquallError, messageOf, systemErrorCode } from "./errors.ts";

/** An append-only file of JSON lines. */
export interface JsonlWriter<T> {
  /** Appends one line; with `durable`, it is on disk when this returns. */
  append(line: T): void;
  close(): void;
}

/**
 * Opens a JSONL file for appending. Where a crash cut its last line, that line is ended first, so that what comes next
 * stands on a line of its own.
 * @param options.durable each line is forced to disk before `append` returns; @default false
 * @throws {SQUALL_FILE} when the file cannot be opened
 */
export function openJsonl<T>(file: string, options: { readonly durable?: boolean } = {}): JsonlWriter<T> {
  let descriptor: number;
  try {
    descriptor = openSync(file, "a+");
    endCutLine(descriptor);
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot open ${file} for writing: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return {
    append(line) {
      writeSync(descriptor, `${JSON.stringify(line)}\n`);
      if (options.durable === true) fdatasyncSync(descriptor);
    },
    close: () => closeSync(descriptor),
  };
}

function endCutLine(descriptor: number): void {
  const { size } = fstatSync(descriptor);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a)
    writeSync(descriptor, "\n");
}

export interface JsonlContent<T> {
  readonly lines: readonly T[];
  /** Bytes of the last, unfinished line: what a crash cut off. 0 when the file ends cleanly. */
  readonly cutBytes: number;
  /** Whole lines that `parse` refused. */
  readonly invalid: readonly { readonly line: number; readonly message: string }[];
}

/**
 * Reads a JSONL file that may have been cut at any byte: whole lines are returned, the unfinished last one is counted.
 * A file that does not exist has no lines.
 * @param parse turns one decoded line into a record, or throws
 * @throws {SQUALL_FILE} when the file exists and cannot be read
 */
export function readJsonl<T>(file: string, parse: (value: unknown) => T): JsonlContent<T> {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return { lines: [], cutBytes: 0, invalid: [] };
    throw new SquallError("SQUALL_FILE", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  const lines: T[] = [];
  const invalid: { line: number; message: string }[] = [];
  let start = 0;
  for (let number = 1; start < content.length; number += 1) {
    const end = content.indexOf(0x0a, start);
    if (end === -1) break;
    try {
      lines.push(parse(JSON.parse(content.toString("utf8", start, end))));
    } catch (error) {
      invalid.push({ line: number, message: messageOf(error) });
    }
    start = end + 1;
  }
  return { lines, cutBytes: content.length - start, invalid };
}
