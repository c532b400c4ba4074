import { logLevels, type LogLine } from "../logs/log-line.ts";
import { linksBetween } from "../logs/linked-traces.ts";
import { noveltySince } from "../logs/novelty.ts";
import { tallyPatterns, type PatternCount } from "../logs/pattern-tally.ts";
import type { PhaseName } from "../record/journal.ts";
import type { ExcerptLine, LogExcerpt } from "../record/log-excerpt.ts";
import type { Span } from "../record/span.ts";
import { readRunLogs, type RunLogs } from "./run-logs.ts";

export interface LogExcerptOptions {
  /** Traces to show lines of. */
  readonly traceIds: readonly string[];
  /** The phase whose new patterns are sought. @default fault */
  readonly phase?: PhaseName;
  /** The run's spans, which say what traces are linked. */
  readonly spans: Iterable<Span>;
  /** Lines of each trace. @default 20 */
  readonly mostLines?: number;
  /** @default 20 */
  readonly mostPatterns?: number;
}

const mostMessageLength = 300;

/**
 * What a report shows of a run's logs; one pass over them, and no more in memory than is given.
 * @throws {SQUALL_FILE} when it is no run folder
 */
export function excerptLogs(path: string, options: LogExcerptOptions): LogExcerpt {
  const { traceIds, phase = "fault", spans, mostLines = 20, mostPatterns = 20 } = options;
  const logs = readRunLogs(path);
  const links = linksBetween(spans);
  const found = new Map(traceIds.map((id) => [id, { lines: [] as ExcerptLine[], omitted: 0 }]));
  const askedBy = Map.groupBy(
    [...found.keys()].flatMap((asked) => [...links.linkedWith(asked)].map((id) => ({ id, asked }))),
    ({ id }) => id,
  );
  const window = logs.windows.find((one) => one.phase === phase);
  const novelty = noveltySince(window?.startMs ?? Infinity);
  const tally = tallyPatterns();
  const unread = { text: 0, cut: 0 };
  for (const line of logs.lines()) {
    if (line.form === "text" || line.form === "cut") unread[line.form] += 1;
    // Where a line was cut off says nothing of what it says.
    if (line.form !== "cut" && novelty.isNew(line) && logs.phaseOf(line.atMs) === phase) tally.add(line);
    for (const { asked } of askedBy.get(line.traceId ?? "") ?? []) {
      const trace = found.get(asked);
      if (trace === undefined) continue;
      if (trace.lines.length < mostLines) trace.lines.push(toExcerpt(line, logs));
      else trace.omitted += 1;
    }
  }
  const patterns = tally.counts.toSorted((a, b) => isGrave(b) - isGrave(a) || b.count - a.count);
  return {
    traces: [...found].flatMap(([traceId, { lines, omitted }]) =>
      lines.length === 0 ? [] : [{ traceId, lines, omitted }],
    ),
    newPatterns: patterns.slice(0, mostPatterns).map(({ pattern, count, first }) => ({
      pattern,
      count,
      first: toExcerpt(first, logs),
    })),
    omittedPatterns: Math.max(0, patterns.length - mostPatterns),
    unread,
  };
}

/** Of warn or worse, or of a line that says no level: a stack is one. */
function isGrave({ first: { level } }: PatternCount): number {
  return level === undefined || logLevels.indexOf(level) >= logLevels.indexOf("warn") ? 1 : 0;
}

function toExcerpt(
  { atMs, service, instance, level, message, traceId }: LogLine,
  logs: RunLogs,
): ExcerptLine {
  return {
    ...(atMs === undefined ? {} : { atMs: atMs - logs.zeroMs }),
    phase: logs.phaseOf(atMs),
    service,
    instance,
    ...(level === undefined ? {} : { level }),
    message: message.slice(0, mostMessageLength),
    ...(traceId === undefined ? {} : { traceId }),
  };
}
