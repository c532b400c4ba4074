import type { FileLine } from "../base/line-stream.ts";
import { jsonLine, type LogLine, type ToldLine } from "./log-line.ts";
import { postgresLine } from "./postgres-line.ts";

/** Who wrote a log. */
export interface LogSource {
  readonly instance: string;
  readonly service: string;
}

/** What one message of PostgreSQL may say further, at most: a statement can be as long as it likes. */
const mostFurtherLength = 16_384;

/**
 * The lines of one log in order. What PostgreSQL says further of a message belongs to it; an empty line is none. A line
 * that tells no time has that of the one before it.
 */
export function* readLog(source: LogSource, lines: Iterable<FileLine>): Generator<LogLine> {
  let lastMs: number | undefined;
  let open: OpenMessage | undefined;
  const give = (told: ToldLine): LogLine => {
    lastMs = told.atMs ?? lastMs;
    return { ...source, ...told, ...(lastMs === undefined ? {} : { atMs: lastMs }) };
  };
  for (const { text, isWhole } of lines) {
    if (open !== undefined && addFurther(open, text)) continue;
    if (open !== undefined) yield give(closed(open));
    open = undefined;
    if (text.trim() === "") continue;
    const json = jsonLine(text);
    if (json !== undefined) {
      yield give(json);
      continue;
    }
    const postgres = isWhole ? postgresLine(text) : undefined;
    if (postgres?.kind === "message") open = { told: postgres.told, further: new Map(), last: undefined };
    else yield give({ form: isWhole ? "text" : "cut", message: text, fields: {}, content: { msg: text } });
  }
  if (open !== undefined) yield give(closed(open));
}

interface OpenMessage {
  readonly told: ToldLine;
  /** By name: "detail", "statement", and "" for more lines of the message itself. */
  readonly further: Map<string, string>;
  last: string | undefined;
}

/** @returns whether the line belongs to the message */
function addFurther(open: OpenMessage, text: string): boolean {
  const added = text.startsWith("\t") ? { name: open.last ?? "", text: text.slice(1) } : furtherOf(text);
  if (added === undefined) return false;
  const before = open.further.get(added.name);
  const whole = before === undefined ? added.text : `${before}\n${added.text}`;
  open.further.set(added.name, whole.slice(0, mostFurtherLength));
  open.last = added.name;
  return true;
}

function furtherOf(text: string): { readonly name: string; readonly text: string } | undefined {
  const line = postgresLine(text);
  return line?.kind === "further" ? line : undefined;
}

function closed({ told, further }: OpenMessage): ToldLine {
  const { "": more, ...named } = Object.fromEntries(further) as Record<string, string>;
  const message = more === undefined ? told.message : `${told.message}\n${more}`;
  return {
    ...told,
    message,
    fields: named,
    content: { ...told.content, msg: message, ...named },
  };
}
