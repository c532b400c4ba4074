import type { LogLevel, ToldLine } from "./log-line.ts";

/**
 * PostgreSQL's log as text: "2026-11-21 14:30:48.155 UTC [9201] ERROR:  …", its default `log_line_prefix` of '%m [%p] '.
 * What a message says further stands on lines of the same form with a word of their own (DETAIL, STATEMENT), and a text of
 * several lines goes on behind a tab.
 */
export type PostgresLine =
  | { readonly kind: "message"; readonly told: ToldLine & { readonly form: "postgres" } }
  /** Of the message before it. */
  | { readonly kind: "further"; readonly name: string; readonly text: string };

const form = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) (?:UTC|GMT) \[(\d+)\] ([A-Z]+\d?):\s+(.*)$/s;

/** A session that ends (FATAL) is no end of the server (PANIC). */
const levels: Readonly<Record<string, LogLevel>> = {
  LOG: "info",
  INFO: "info",
  NOTICE: "info",
  WARNING: "warn",
  ERROR: "error",
  FATAL: "error",
  PANIC: "fatal",
};

const further: ReadonlySet<string> = new Set(["DETAIL", "HINT", "CONTEXT", "QUERY", "STATEMENT", "LOCATION"]);

/** A line of it; `undefined` where it is none, or its clock is in a zone that only its server knows. */
export function postgresLine(text: string): PostgresLine | undefined {
  const [, day, clock, pid, word = "", said = ""] = form.exec(text) ?? [];
  if (day === undefined) return undefined;
  if (further.has(word)) return { kind: "further", name: word.toLowerCase(), text: said };
  const level = levels[word] ?? (word.startsWith("DEBUG") ? "debug" : undefined);
  if (level === undefined) return undefined;
  const time = `${day}T${clock}Z`;
  return {
    kind: "message",
    told: {
      form: "postgres",
      atMs: Date.parse(time),
      level,
      message: said,
      fields: {},
      content: { time, level, pid: Number(pid), msg: said },
    },
  };
}
