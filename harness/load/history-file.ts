import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { SquallError, messageOf } from "../base/errors.ts";
import type { HistoryLine } from "../record/history.ts";

/**
 * The history as it is written: lines are gathered and go to the file together ten times a second, off the event loop,
 * so that a slow disk delays no start. A crash loses at most the last tenth of a second.
 */
export interface HistoryFile {
  readonly add: (line: HistoryLine) => void;
  /** Resolves when every line is in the file. @throws {SQUALL_FILE} when lines could not be written */
  close(): Promise<void>;
}

const flushEveryMs = 100;

/** @param onError told once, when the file can no longer be written */
export function openHistoryFile(file: string, onError: (error: SquallError) => void): HistoryFile {
  const stream = createWriteStream(file, { flags: "a" });
  let problem: SquallError | undefined;
  stream.on("error", (error) => {
    problem ??= new SquallError("SQUALL_FILE", `cannot write ${file}: ${messageOf(error)}`, { cause: error });
    clearInterval(flushing);
    onError(problem);
  });
  let gathered = "";
  const flush = (): void => {
    if (gathered === "" || problem !== undefined) return;
    stream.write(gathered);
    gathered = "";
  };
  const flushing = setInterval(flush, flushEveryMs);
  return {
    add(line) {
      gathered += `${JSON.stringify(line)}\n`;
    },
    async close() {
      clearInterval(flushing);
      flush();
      stream.end();
      await finished(stream).catch(() => undefined); // heard as "error", above
      if (problem !== undefined) throw problem;
    },
  };
}
