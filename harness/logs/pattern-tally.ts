import type { LogLine } from "./log-line.ts";
import { patternKeyOf, patternOf } from "./pattern.ts";

/** One pattern of a service at one level: the same words are news where they were harmless before. */
export interface PatternCount {
  readonly pattern: string;
  readonly count: number;
  /** The first line of it. */
  readonly first: LogLine;
}

/** At most so many are counted, whatever the logs hold. */
const mostCounted = 50_000;

/** Counts lines by pattern. */
export interface PatternTally {
  add(line: LogLine): void;
  /** The most frequent first. */
  readonly counts: readonly PatternCount[];
  /** Lines whose patterns were too many to count. */
  readonly uncounted: number;
}

export function tallyPatterns(most = mostCounted): PatternTally {
  const byKey = new Map<string, { readonly pattern: string; readonly first: LogLine; count: number }>();
  let uncounted = 0;
  return {
    add(line) {
      const key = patternKeyOf(line);
      const counted = byKey.get(key);
      if (counted !== undefined) counted.count += 1;
      else if (byKey.size < most) byKey.set(key, { pattern: patternOf(line.message), first: line, count: 1 });
      else uncounted += 1;
    },
    get counts() {
      return [...byKey.values()].sort((a, b) => b.count - a.count);
    },
    get uncounted() {
      return uncounted;
    },
  };
}
