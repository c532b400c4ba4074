import { closeSync, fdatasyncSync, openSync, writeFileSync } from "node:fs";

/** Where lines of spans go. */
export interface SpanSink {
  /** @param spans how many are in the line. @throws why it cannot be kept */
  write(line: Buffer, spans: number): void;
  flush(): void;
  /** @returns how many spans it held that are lost with it */
  close(): number;
}

/** A file that lines are appended to. @throws what the system says */
export function fileSink(file: string): SpanSink {
  const descriptor = openSync(file, "a");
  return {
    write: (line) => writeFileSync(descriptor, line),
    flush: () => fdatasyncSync(descriptor),
    close() {
      closeSync(descriptor);
      return 0;
    },
  };
}
