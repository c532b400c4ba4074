import type { RunLogs } from "../engine/run-logs.ts";
import type { LogLine } from "../logs/log-line.ts";
import type { PatternCount } from "../logs/pattern-tally.ts";
import type { LogSource } from "../logs/read-log.ts";
import type { LogPhase } from "../record/log-excerpt.ts";
import { formatCount } from "../report/figures.ts";
import { printableLine } from "../report/printable.ts";
import { phaseWords } from "../report/words.ts";
import { wrap } from "../report/wrap.ts";
import type { Colors } from "./command-context.ts";

/** How lines of a log stand on a page. */
export interface LogLayout {
  readonly logs: Pick<RunLogs, "zeroMs" | "phaseOf">;
  readonly instanceWidth: number;
  readonly colors: Colors;
  /** Of the terminal; absent where a program reads: then nothing is broken or left out. */
  readonly columns: number | undefined;
}

const mostInstanceWidth = 20;
/** A terminal as wide as this has room for fields and whole trace ids. */
const wideColumns = 120;
const shortTraceDigits = 8;

export function logLayout(
  logs: RunLogs,
  sources: readonly LogSource[],
  { colors, columns }: Pick<LogLayout, "colors" | "columns">,
): LogLayout {
  const longest = Math.max(...sources.map(({ instance }) => instance.length));
  return {
    logs,
    instanceWidth: Math.min(mostInstanceWidth, longest),
    colors,
    columns: columns === undefined ? undefined : Math.max(60, Math.floor(columns)),
  };
}

/** "  22.124s fault    order  warn  an event was not delivered yet: … [48291daf]" */
export function lineText(line: LogLine, layout: LogLayout): readonly string[] {
  const { message, fields, traceId } = line;
  const parts = isNarrow(layout)
    ? [message, ...(traceId === undefined ? [] : [`[${traceId.slice(0, shortTraceDigits)}]`])]
    : [
        message,
        ...(traceId === undefined ? [] : [`trace=${traceId}`]),
        ...Object.entries(fields).map(([name, value]) => `${name}=${value}`),
      ];
  return row(line, parts.join(" "), layout);
}

/** The same of a pattern, with how often it was said: "  22.124s fault    order  warn  7× an event was not …". */
export function patternText({ pattern, count, first }: PatternCount, layout: LogLayout): readonly string[] {
  const { traceId } = first;
  const trace = traceId === undefined ? "" : ` [${traceId.slice(0, shortTraceDigits)}]`;
  return row(first, `${formatCount(count)}× ${pattern}${trace}`, layout);
}

function row(line: LogLine, text: string, layout: LogLayout): readonly string[] {
  const { logs, colors, instanceWidth, columns } = layout;
  const { atMs, form, instance, level = form === "json" ? "" : form } = line;
  const time = atMs === undefined ? "" : `${((atMs - logs.zeroMs) / 1_000).toFixed(3)}s`;
  const when = `${time.padStart(9)} ${wordOf(logs.phaseOf(atMs)).padEnd(8)} `;
  const who = `${instance.slice(0, instanceWidth).padEnd(instanceWidth)} `;
  const what = level.padEnd(6);
  const indent = when.length + who.length + what.length;
  const whole = when + who + what + printableLine(text);
  const [first = "", ...rest] =
    columns === undefined ? [whole] : wrap(whole, columns, isNarrow(layout) ? when.length : indent);
  const paint = level === "warn" ? colors.yellow : isBad(level) ? colors.red : (plain: string) => plain;
  return [colors.dim(when) + colors.bold(who) + paint(what) + first.slice(indent), ...rest];
}

function isNarrow({ columns }: LogLayout): boolean {
  return columns !== undefined && columns < wideColumns;
}

function isBad(level: string): boolean {
  return level === "error" || level === "fatal" || level === "text" || level === "cut";
}

function wordOf(phase: LogPhase): string {
  return phase === "before" || phase === "after" ? phase : phaseWords[phase];
}

/** The record as it was logged, and where it belongs. What was no record is a `msg`, and its form says so. */
export function lineJson({ content, service, instance, form, atMs }: LogLine, logs: RunLogs): string {
  const { run: _run, phase: _phase, service: _service, instance: _instance, ...own } = content;
  return JSON.stringify({
    run: logs.run,
    phase: logs.phaseOf(atMs),
    service,
    instance,
    ...(form === "text" || form === "cut" ? { form } : {}),
    ...own,
  });
}

export function patternJson({ pattern, count, first }: PatternCount, logs: RunLogs): string {
  const { atMs, service, instance, level, message, traceId } = first;
  return JSON.stringify({
    run: logs.run,
    phase: logs.phaseOf(atMs),
    service,
    level,
    pattern,
    count,
    first: { atMs, instance, message, trace_id: traceId },
  });
}
