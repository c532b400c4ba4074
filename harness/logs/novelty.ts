import type { LogLine } from "./log-line.ts";
import { patternKeyOf } from "./pattern.ts";

/** Which lines, of those that come in order of time, are of a pattern that was not there before a moment. */
export interface Novelty {
  /** Of a line of before: remembers it. Of a later one: whether its pattern was not there. */
  isNew(line: LogLine): boolean;
  /** Lines of before whose patterns were too many to remember: then a line may count as new that is not. */
  readonly forgotten: number;
}

/** Patterns that are remembered: at most as many, of 300 letters, as a program can hold without being noticed. */
const mostPatterns = 50_000;

/** @param sinceMs epoch milliseconds; a line without a time is of before */
export function noveltySince(sinceMs: number, most = mostPatterns): Novelty {
  const seen = new Set<string>();
  let forgotten = 0;
  return {
    isNew(line) {
      const key = patternKeyOf(line);
      if (line.atMs !== undefined && line.atMs >= sinceMs) return !seen.has(key);
      if (seen.size < most) seen.add(key);
      else if (!seen.has(key)) forgotten += 1;
      return false;
    },
    get forgotten() {
      return forgotten;
    },
  };
}
