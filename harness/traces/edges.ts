import type { Span } from "../record/span.ts";

/**
 * Which edge a span crossed. Every edge has a proxy with a port of its own, so the port that a client span called names
 * the edge, whatever the services call each other.
 */

/** By the port of an edge's proxy: the edge, `order -> payment`. */
export type EdgeByPort = ReadonlyMap<number, string>;

/** The edge of a client span; `undefined` for other spans and for calls past the proxies. */
export function edgeOf(span: Span, ports: EdgeByPort): string | undefined {
  if (span.kind !== "client") return undefined;
  const port = span.attributes["server.port"] ?? span.attributes["net.peer.port"] ?? portOfUrl(span);
  return ports.get(Number(port));
}

function portOfUrl(span: Span): string | undefined {
  const url = span.attributes["url.full"] ?? span.attributes["http.url"];
  return typeof url === "string" ? URL.parse(url)?.port : undefined;
}

/**
 * Whether a call over an edge failed, by its span alone: {@link hasFailed} knows what is beside it. Of HTTP: no answer, one of 500 or above, or one that broke off; an answered 4xx is
 * the callee at work, though its client span has error status. Of anything else: error status.
 */
export function isFailedCall(span: Span): boolean {
  if (!isHttp(span)) return span.isError;
  const status = httpStatusOf(span);
  if (status === undefined || status >= 500) return true;
  return span.isError && status < 400;
}

/** Whether the caller heard of its callee: then the callee had done its work by the time the call ended. */
export function hasAnswer(span: Span): boolean {
  return isHttp(span) ? httpStatusOf(span) !== undefined : !span.isError;
}

/** Waiting for a connection of a pool: time that an edge takes, and no call. */
export function isPoolWait({ name }: Span): boolean {
  return name.startsWith("pg-pool.");
}

export function httpStatusOf({ attributes }: Span): number | undefined {
  const status = attributes["http.response.status_code"] ?? attributes["http.status_code"];
  return status === undefined ? undefined : Number(status);
}

export function isHttp({ attributes }: Span): boolean {
  return attributes["http.request.method"] !== undefined || attributes["http.method"] !== undefined;
}

/** What is asked of whom, to the letter. */
export function askedOf(span: Span): string {
  const { attributes, name } = span;
  const host = attributes["server.address"] ?? attributes["net.peer.name"] ?? "";
  const port = attributes["server.port"] ?? attributes["net.peer.port"] ?? "";
  const what = isHttp(span)
    ? (attributes["url.full"] ?? attributes["http.url"] ?? attributes["url.path"] ?? "")
    : (attributes["db.query.text"] ?? attributes["db.statement"] ?? "");
  return `${name} ${host}:${port} ${what}`;
}
