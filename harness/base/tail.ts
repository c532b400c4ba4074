import { closeSync, openSync, readSync, writeSync } from "node:fs";

const chunkBytes = 1 << 20;

/** Copies a file from a byte offset to its end as it is now. @returns the bytes copied */
export function copyTail(from: string, to: string, startBytes: number): number {
  const source = openSync(from, "r");
  const sink = openSync(to, "w");
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let position = startBytes;
  try {
    for (;;) {
      const read = readSync(source, chunk, 0, chunk.length, position);
      if (read === 0) return position - startBytes;
      writeSync(sink, chunk, 0, read);
      position += read;
    }
  } finally {
    closeSync(source);
    closeSync(sink);
  }
}
