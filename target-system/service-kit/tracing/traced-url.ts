import type { Attributes } from "@opentelemetry/api";
import { censorText } from "./censored-span.ts";

/**
 * URLs as they may be in a trace. Of a query only what pages, selects or refers keeps its value: what somebody searches for
 * may be anything. In a path and in those values, what has the form of a secret is blanked.
 */
const keptParameters: ReadonlySet<string> = new Set([
  "after",
  "category",
  "channel",
  "cursor",
  "ids",
  "limit",
  "merchant_reference",
  "page",
  "reference",
]);

/** OpenTelemetry's word for a value that was taken out of a URL. */
const redacted = "REDACTED";
/** Without any of these there is nothing to look at: an escape, an `@`, a long number, a token. */
const suspicious = /[%@+]|\d{12}|eyJ/;

/** `url.path`, and `url.query` where there is any, of a request's target. */
export function urlAttributes(target: string): Attributes {
  const { path, query } = parted(target);
  return { "url.path": path, "url.query": query === "" ? undefined : query };
}

/** `url.full` of a request to an origin. */
export function fullUrl(origin: string, target: string): string {
  const { path, query } = parted(target);
  return `${origin}${path}${query === "" ? "" : `?${query}`}`;
}

function parted(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: tracedPath(target), query: "" };
  return { path: tracedPath(target.slice(0, mark)), query: tracedQuery(target.slice(mark + 1)) };
}

function tracedPath(path: string): string {
  if (!suspicious.test(path)) return path;
  return path
    .split("/")
    .map((part) => (holdsSecret(part) ? redacted : part))
    .join("/");
}

function tracedQuery(query: string): string {
  return query
    .split("&")
    .map((parameter) => {
      const [name = "", value] = parameter.split("=", 2);
      if (holdsSecret(name)) return redacted;
      if (value === undefined) return name;
      return keptParameters.has(name) && !holdsSecret(value) ? parameter : `${name}=${redacted}`;
    })
    .join("&");
}

function holdsSecret(part: string): boolean {
  if (!suspicious.test(part)) return false;
  const plain = decoded(part);
  return plain === undefined || censorText(plain) !== plain;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
