import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { SquallError, messageOf } from "../../base/errors.ts";

/**
 * A file of JSON lines as the driver writes it: lines are gathered and go to the file together at each `flush`, off the
 * event loop, so that a slow disk delays no start. Whoever flushes decides what a crash may lose.
 */
export interface LineFile<T> {
  readonly add: (line: T) => void;
  flush(): void;
  /** Resolves when every line is in the file. @throws {SQUALL_FILE} when lines could not be written */
  close(): Promise<void>;
}

/** @param onError told once, when the file can no longer be written */
export function openLineFile<T>(file: string, onError: (error: SquallError) => void): LineFile<T> {
  const stream = createWriteStream(file, { flags: "a" });
  let problem: SquallError | undefined;
  stream.on("error", (error) => {
    problem ??= new SquallError("SQUALL_FILE", `cannot write ${file}: ${messageOf(error)}`, { cause: error });
    onError(problem);
  });
  let gathered = "";
  const flush = (): void => {
    if (gathered === "" || problem !== undefined) return;
    stream.write(gathered);
    gathered = "";
  };
  return {
    add(line) {
      gathered += `${JSON.stringify(line)}\n`;
    },
    flush,
    async close() {
      flush();
      stream.end();
      await finished(stream).catch(() => undefined); // heard as "error", above
      if (problem !== undefined) throw problem;
    },
  };
}
