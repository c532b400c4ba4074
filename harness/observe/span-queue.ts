import type { SpanSink } from "./span-sink.ts";

/**
 * A sink for an engine that shares no disk with the receiver, such as one outside the receiver's container: lines wait until
 * the engine has fetched them. It says with each question up to which line it has written them down, so that an answer which
 * was lost on its way is given again, and none is lost or written twice.
 *
 *   lines ─write→ 0 1 2 3 4 5 ─read(after: 3)→ 3 4 5        those before 3 are forgotten
 */
export interface SpanQueue extends SpanSink {
  readonly name: string;
  /**
   * Lines from this number on, at least one and some megabytes at most; waits for one where there is none.
   * @param signal ends the waiting: then there may be none
   */
  read(after: number, signal: AbortSignal): Promise<QueuedLines>;
}

export interface QueuedLines {
  readonly lines: readonly Buffer[];
  /** Number of the line that comes after these. */
  readonly next: number;
}

/** Of one answer; a longer line comes alone. */
const batchBytes = 4_000_000;
/** What a fleet under load sends within some ten seconds in which nobody fetches it. */
export const queueLimitBytes = 32_000_000;

/** On the receiver's API: the number to ask for next, beside lines of a queue. */
export const nextLineHeader = "squall-next-line";

export function spanQueue(name: string, limitBytes = queueLimitBytes): SpanQueue {
  const waiting: { readonly line: Buffer; readonly spans: number }[] = [];
  /** Number of the first line that waits. */
  let first = 0;
  let heldBytes = 0;
  const readers = new Set<() => void>();

  return {
    name,
    write(line, spans) {
      if (heldBytes + line.length > limitBytes)
        throw new Error(`${heldBytes} bytes of spans wait, and nobody fetches them`);
      // A line may be a slice of a larger buffer, which would be kept as well.
      waiting.push({ line: Buffer.from(line), spans });
      heldBytes += line.length;
      wake();
    },
    flush: () => undefined, // whoever fetches them keeps them
    close() {
      wake();
      return waiting.splice(0).reduce((sum, { spans }) => sum + spans, 0);
    },
    async read(after, signal) {
      const written = waiting.splice(0, Math.max(0, after - first));
      heldBytes -= written.reduce((sum, { line }) => sum + line.length, 0);
      first += written.length;
      if (waiting.length === 0) await woken(signal);
      const lines: Buffer[] = [];
      let bytes = 0;
      for (const { line } of waiting) {
        if (lines.length > 0 && bytes + line.length > batchBytes) break;
        lines.push(line);
        bytes += line.length;
      }
      return { lines, next: first + lines.length };
    },
  };

  function wake(): void {
    for (const reader of readers) reader();
  }

  function woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        readers.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      if (signal.aborted) return resolve();
      readers.add(done);
      signal.addEventListener("abort", done);
    });
  }
}
