import { logLevels, type LogLevel, type LogLine } from "../logs/log-line.ts";
import { linksBetween } from "../logs/linked-traces.ts";
import { noveltySince } from "../logs/novelty.ts";
import { patternKeyOf, patternOf } from "../logs/pattern.ts";
import { tallyPatterns } from "../logs/pattern-tally.ts";
import { withoutSecrets } from "../logs/secrets.ts";
import type { PhaseName } from "../record/journal.ts";
import type { ExcerptLine, LogExcerpt } from "../record/log-excerpt.ts";
import type { Span } from "../record/span.ts";
import { readRunLogs, type RunLogs } from "./run-logs.ts";

export interface LogExcerptOptions {
  /** Traces to show lines of, with when they begin: epoch milliseconds. */
  readonly traces: readonly { readonly traceId: string; readonly startMs: number }[];
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
 * What a report shows of a run's logs; one pass over them, and no more in memory than is given. Nothing where the run has
 * no log.
 * @throws {SQUALL_FILE} when a log cannot be read
 */
export function excerptLogs(path: string, options: LogExcerptOptions): LogExcerpt | undefined {
  const { traces, phase = "fault", spans, mostLines = 20, mostPatterns = 20 } = options;
  const logs = readRunLogs(path);
  if (logs === undefined || logs.sources.length === 0) return undefined;
  const links = linksBetween(spans);
  const found = new Map(traces.map(({ traceId }) => [traceId, new FewLines(mostLines)]));
  const askedBy = Map.groupBy(
    [...found].flatMap(([asked, few]) => [...links.linkedWith(asked)].map((id) => ({ id, few }))),
    ({ id }) => id,
  );
  const window = logs.windows.find((one) => one.phase === phase);
  const novelty = noveltySince(window?.startMs ?? Infinity);
  const during = tallyPatterns();
  const after = tallyPatterns();
  const unread = { text: 0, cut: 0 };
  for (const line of logs.lines()) {
    if (line.form === "text" || line.form === "cut") unread[line.form] += 1;
    // Where a line was cut off says nothing of what it says.
    if (line.form !== "cut" && novelty.isNew(line)) {
      if (logs.phaseOf(line.atMs) === phase) during.add(line);
      else after.add(line);
    }
    for (const { few } of askedBy.get(line.traceId ?? "") ?? []) few.add(line);
  }
  const countsAfter = new Map(after.counts.map(({ first, count }) => [patternKeyOf(first), count]));
  const patterns = during.counts.toSorted(
    (a, b) => Number(isGrave(b.first)) - Number(isGrave(a.first)) || b.count - a.count,
  );
  return {
    phase,
    traces: traces.flatMap(({ traceId, startMs }) => {
      const { lines = [], omitted = 0 } = found.get(traceId) ?? {};
      if (lines.length === 0) return [];
      const told = lines.map((line) => toExcerpt(line, logs));
      return [{ traceId, startMs: startMs - logs.zeroMs, lines: told, omitted }];
    }),
    newPatterns: patterns.slice(0, mostPatterns).map(({ count, first }) => ({
      pattern: patternOf(withoutSecrets(first.message)),
      count,
      countAfter: countsAfter.get(patternKeyOf(first)) ?? 0,
      first: toExcerpt(first, logs),
    })),
    omittedPatterns: Math.max(0, patterns.length - mostPatterns),
    unread,
  };
}

/** Of lines that come by time the first few; a grave one takes the place of the last that is none. */
class FewLines {
  readonly lines: LogLine[] = [];
  readonly #most: number;
  omitted = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(line: LogLine): void {
    if (this.lines.length >= this.#most) {
      this.omitted += 1;
      const lastHarmless = isGrave(line) ? this.lines.findLastIndex((one) => !isGrave(one)) : -1;
      if (lastHarmless === -1) return;
      this.lines.splice(lastHarmless, 1);
    }
    this.lines.push(line);
  }
}

const graveLevels: ReadonlySet<LogLevel> = new Set(logLevels.slice(logLevels.indexOf("warn")));

/** Of warn or worse, or of a line that says no level: a stack is one. */
function isGrave({ level }: LogLine): boolean {
  return level === undefined || graveLevels.has(level);
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
    message: withoutSecrets(message).slice(0, mostMessageLength),
    ...(traceId === undefined ? {} : { traceId }),
  };
}
