import type { Span } from "../record/span.ts";

/** A span's event as a report shows it. */
export interface ToldEvent {
  readonly name: string;
  readonly atMs: number;
  /** "callee payment, attempt 2, reason timeout"; absent where there is nothing to add. */
  readonly detail?: string;
}

/**
 * Attributes of events that may be shown, by the last part of their key. A list of what may be, not of what may not: an
 * event may carry anything (an exception its message, with whatever was in it), and a report is sent around.
 */
const shownParts: ReadonlySet<string> = new Set([
  "callee",
  "attempt",
  "reason",
  "backoff_ms",
  "outcome",
  "after_ms",
  "wanted",
  "late_ms",
  "left_ms",
  "state",
  "fallback",
  "operation",
  "type",
]);

/** By OpenTelemetry's conventions. Of one without a type the span's status says as much. */
const exceptionName = "exception";
const mostEvents = 8;
const mostDetails = 5;
const longestText = 48;

/** The first events of a span, by time, with what of their attributes may be shown. */
export function toldEvents({ events }: Pick<Span, "events">): readonly ToldEvent[] {
  return [...events]
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ name, atMs, attributes = {} }) => {
      const details = Object.entries(attributes)
        .map(([key, value]) => [key.slice(key.lastIndexOf(".") + 1), value] as const)
        .filter(([part]) => shownParts.has(part))
        .slice(0, mostDetails)
        .map(([part, value]) => detailOf(part, value));
      return { name: cut(name), atMs, ...(details.length > 0 && { detail: details.join(", ") }) };
    })
    .filter(({ name, detail }) => name !== exceptionName || detail !== undefined)
    .slice(0, mostEvents);
}

/** "backoff 34 ms", "reason timeout" */
function detailOf(part: string, value: string | number | boolean): string {
  const isMs = part.endsWith("_ms");
  const word = (isMs ? part.slice(0, -3) : part).replaceAll("_", " ");
  return `${word} ${cut(String(value))}${isMs ? " ms" : ""}`;
}

function cut(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText - 1)}…`;
}
