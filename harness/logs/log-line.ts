import { jsonIn } from "../base/json.ts";

/**
 * A line of a log, whoever wrote it: services as JSON, PostgreSQL as text with further lines that belong to it, anybody
 * else as they like.
 *
 *   lines of a file ─readLog→ LogLine ─mergeByTime→ one run's log ─patternOf→ what is new in a phase
 */
export interface LogLine {
  /** The process that wrote it: "catalog-2". */
  readonly instance: string;
  /** What it is one of: "catalog". */
  readonly service: string;
  /**
   * `json` a record of JSON · `postgres` one of PostgreSQL's, with what it says further · `text` neither · `cut` it does
   * not end, or only its beginning was read
   */
  readonly form: "json" | "postgres" | "text" | "cut";
  /** Epoch milliseconds; where it does not say, those of the line before it; absent before the first that says. */
  readonly atMs?: number;
  /** Absent where it does not say. */
  readonly level?: LogLevel;
  /** What it says, with the message of the error that it tells of, and why. */
  readonly message: string;
  readonly traceId?: string;
  /** What else it tells, as far as it is flat. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /** All that it tells: the JSON as it was written, or what the text was read as. */
  readonly content: Readonly<Record<string, unknown>>;
}

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

/** What is told of a line before it is known who wrote it. */
export type ToldLine = Omit<LogLine, "instance" | "service">;

/** A line that was read; `undefined` where it is no JSON object. */
export function jsonLine(text: string): ToldLine | undefined {
  if (!text.startsWith("{")) return undefined;
  const content = jsonIn(text);
  if (!isObject(content)) return undefined;
  const atMs = timeOf(first(content, timeNames));
  const level = levelOf(first(content, levelNames));
  const said = first(content, messageNames);
  const error = errorMessageOf(first(content, errorNames));
  const reason = first(content, reasonNames);
  const traceId = first(content, traceNames);
  const parts = [
    typeof said === "string" ? said : undefined,
    error === said ? undefined : error,
    typeof reason === "string" ? reason : undefined,
  ];
  const message = withoutEcho(parts.filter((part) => part !== undefined && part !== "").join(": "));
  return {
    form: "json",
    ...(atMs === undefined ? {} : { atMs }),
    ...(level === undefined ? {} : { level }),
    message: message === "" ? text : message,
    ...(typeof traceId === "string" && traceId !== "" ? { traceId: traceId.toLowerCase() } : {}),
    fields: message === "" ? {} : fieldsOf(content),
    content,
  };
}

/** The names that loggers in use give to the same thing (pino, bunyan, winston, zap, slog, logrus, ECS). */
const timeNames = ["time", "timestamp", "@timestamp", "ts"] as const;
const levelNames = ["level", "severity", "log.level"] as const;
const messageNames = ["msg", "message"] as const;
const errorNames = ["err", "error", "exception"] as const;
/** A text that says why is as telling as an error's. */
const reasonNames = ["why", "reason", "cause"] as const;
const traceNames = ["trace_id", "traceId", "trace.id"] as const;
const known: ReadonlySet<string> = new Set([
  ...[...timeNames, ...levelNames, ...messageNames, ...errorNames, ...reasonNames, ...traceNames],
  ...[
    "span_id",
    "spanId",
    "span.id",
    "trace_flags",
    "service",
    "instance",
    "pid",
    "hostname",
    "run",
    "phase",
  ],
]);

function first(content: Readonly<Record<string, unknown>>, names: readonly string[]): unknown {
  for (const name of names) if (content[name] !== undefined) return content[name];
  return undefined;
}

/** ISO 8601, or a number of seconds or milliseconds: the latter are over 10^11 since 1973. */
function timeOf(value: unknown): number | undefined {
  const atMs =
    typeof value === "string"
      ? Date.parse(value)
      : typeof value === "number" && value > 0
        ? value < 1e11
          ? value * 1_000
          : value
        : Number.NaN;
  return Number.isFinite(atMs) ? atMs : undefined;
}

const otherLevels: Readonly<Record<string, LogLevel>> = {
  verbose: "debug",
  log: "info",
  notice: "info",
  information: "info",
  warning: "warn",
  err: "error",
  critical: "fatal",
  alert: "fatal",
  emerg: "fatal",
  panic: "fatal",
};

/** By name; or by number, as pino and bunyan have them: 10 is trace, 60 is fatal. */
function levelOf(value: unknown): LogLevel | undefined {
  if (typeof value === "number") return logLevels[Math.min(6, Math.max(1, Math.floor(value / 10))) - 1];
  if (typeof value !== "string") return undefined;
  const name = value.toLowerCase();
  return logLevels.find((level) => level === name) ?? otherLevels[name];
}

/** An error that quotes its cause is followed by its cause once more, where the logger adds causes, as pino does. */
function withoutEcho(message: string): string {
  return message.length > 2_000 ? message : message.replace(/: (.{8,}?)(?:: \1)+(?=:|$)/gs, ": $1");
}

function errorMessageOf(error: unknown): string | undefined {
  if (typeof error === "string") return error;
  if (!isObject(error)) return undefined;
  const { message } = error;
  return typeof message === "string" ? message : undefined;
}

function fieldsOf(content: Readonly<Record<string, unknown>>): LogLine["fields"] {
  const fields: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(content))
    if (!known.has(name) && (typeof value === "string" || typeof value === "number" || value === true))
      fields[name] = value;
  return fields;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
