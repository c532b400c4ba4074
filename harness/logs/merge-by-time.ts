import type { LogLine } from "./log-line.ts";

/**
 * Several logs as one, by time. The order within each log is kept, also where its clock went back; of lines of the same
 * time, those of the first log come first. Of each log only the next line is held.
 */
export function* mergeByTime(logs: readonly Iterable<LogLine>[]): Generator<LogLine> {
  const waiting: Waiting[] = [];
  try {
    for (const log of logs) {
      const rest = log[Symbol.iterator]();
      const next = rest.next();
      if (next.done !== true) waiting.push({ rest, line: next.value, atMs: next.value.atMs ?? -Infinity });
    }
    for (;;) {
      let earliest: Waiting | undefined;
      for (const one of waiting) if (earliest === undefined || one.atMs < earliest.atMs) earliest = one;
      if (earliest === undefined) return;
      yield earliest.line;
      const next = earliest.rest.next();
      if (next.done === true) waiting.splice(waiting.indexOf(earliest), 1);
      else {
        earliest.line = next.value;
        earliest.atMs = Math.max(earliest.atMs, next.value.atMs ?? earliest.atMs);
      }
    }
  } finally {
    // Whoever stops reading closes the files.
    for (const { rest } of waiting) rest.return?.();
  }
}

interface Waiting {
  readonly rest: Iterator<LogLine>;
  line: LogLine;
  atMs: number;
}
