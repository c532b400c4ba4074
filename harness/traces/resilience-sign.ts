import type { Span } from "../record/span.ts";

/**
 * The names by which services say on their spans that they coped with something: no convention has any, so these are the
 * fleet's own, and this is the only place that knows them. A service that says nothing leaves no sign.
 */
const fallbackAttribute = "shop.fallback";

const signByEvent: Readonly<Record<string, ResilienceSign>> = {
  "fallback served": "fallback",
  "fail-over": "failed-over",
  retry: "retried",
  hedge: "hedged",
};

/** Something else was served · somebody else was asked · the same was asked again, after a failure or beside a slow one. */
export type ResilienceSign = "fallback" | "failed-over" | "retried" | "hedged";

/** What a span says that it did to cope, each once. */
export function signsOf({ attributes, events }: Span): ReadonlySet<ResilienceSign> {
  const signs = new Set<ResilienceSign>();
  if (attributes[fallbackAttribute] !== undefined) signs.add("fallback");
  for (const { name } of events) {
    const sign = Object.hasOwn(signByEvent, name) ? signByEvent[name] : undefined;
    if (sign !== undefined) signs.add(sign);
  }
  return signs;
}

/** The fallback that a span served: its name, or `unnamed`; of several the last. */
export function fallbackOf(span: Span): string | undefined {
  if (span.attributes[fallbackAttribute] === undefined && span.events.length === 0) return undefined;
  return signsOf(span).has("fallback") ? String(span.attributes[fallbackAttribute] ?? "unnamed") : undefined;
}

/**
 * Whom a span's service did not call because a pattern forbade it: a breaker that is open, no room, no time left. Where
 * that made the span fail, the failure began with the callee.
 */
export function notSentTo({ events }: Span): string | undefined {
  const callee = events.findLast(({ name }) => name === "not sent")?.attributes?.["shop.callee"];
  return typeof callee === "string" ? callee : undefined;
}
