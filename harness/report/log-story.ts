import { formatDuration } from "../base/units.ts";
import type { ExcerptLine, NewPattern, TraceLog } from "../record/log-excerpt.ts";
import type { Summary } from "../record/summary.ts";
import { formatCount, formatCounted } from "./figures.ts";
import { phaseWords, type OutcomeWord, type Tone } from "./words.ts";

/** What every report tells of logs, whatever its form: what was said in a trace, and what began to be said in the fault. */

/** A level as reports show it; the tone never stands alone. */
export interface LevelWord extends Pick<OutcomeWord, "sign" | "word"> {
  /** None where it is no trouble. */
  readonly tone: Tone | undefined;
}

/** @param level absent of a line that is no record, such as a part of a stack */
export function levelWord(level: string | undefined): LevelWord {
  if (level === undefined) return { sign: "?", word: "text", tone: "warn" };
  if (level === "fatal" || level === "error") return { sign: "✗", word: level, tone: "bad" };
  if (level === "warn") return { sign: "!", word: level, tone: "warn" };
  return { sign: "·", word: level, tone: undefined };
}

/** The log of a trace that is shown; nothing where no line is of it. */
export function logOf({ logs }: Summary, traceId: string): TraceLog | undefined {
  return logs?.traces.find((log) => log.traceId === traceId);
}

/** Milliseconds since the trace began; absent where the line tells no time. */
export function offsetMs({ startMs }: TraceLog, { atMs }: ExcerptLine): number | undefined {
  return atMs === undefined ? undefined : atMs - startMs;
}

/** "+251 ms": a line of a log has whole milliseconds, so what is less is none. */
export function offsetText(log: TraceLog, line: ExcerptLine): string {
  const ms = offsetMs(log, line);
  if (ms === undefined) return "";
  const whole = Math.round(ms);
  return `${whole < 0 ? "−" : "+"}${whole === 0 ? "0 ms" : formatDuration(Math.abs(whole))}`;
}

/** "12 times from 21.4 s on, 3 more after it". */
export function patternCountText({ count, countAfter, first }: NewPattern): string {
  const from = first.atMs === undefined ? "" : ` from ${formatDuration(first.atMs)} on`;
  return `${formatCounted(count, "time")}${from}, ${countAfter === 0 ? "not after it" : `${formatCount(countAfter)} more after it`}`;
}

/** "3 kinds of lines began to be logged in the fault phase."; nothing where the run did not come to it, or has no logs. */
export function newPatternsText(summary: Summary): string | undefined {
  const { logs, phases } = summary;
  if (logs === undefined || !phases.some(({ phase }) => phase === logs.phase)) return undefined;
  const all = logs.newPatterns.length + logs.omittedPatterns;
  const phase = phaseWords[logs.phase];
  if (all === 0) return `Nothing was logged in the ${phase} phase whose like had not been logged before.`;
  return `${formatCounted(all, "kind of line", "kinds of lines")} began to be logged in the ${phase} phase.`;
}

/** Of warn or worse, or of no level. */
export function isTrouble({ first: { level } }: NewPattern): boolean {
  return levelWord(level).tone !== undefined;
}
