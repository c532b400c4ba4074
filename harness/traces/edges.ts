import type { Span } from "../record/span.ts";
import { quantileOfSorted, sortSamples } from "../stats/quantile.ts";

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
 * Whether a call over an edge failed. Of HTTP: no answer, one of 500 or above, or one that broke off; an answered 4xx is
 * the callee at work, though its client span has error status. Of anything else: error status.
 */
export function isFailedCall(span: Span): boolean {
  if (!isHttp(span)) return span.isError;
  const status = httpStatusOf(span);
  if (status === undefined || status >= 500) return true;
  return span.isError && status < 400;
}

/** Whether a span failed: a call by what came back, anything else by its status. */
export function hasFailed(span: Span): boolean {
  return span.kind === "client" ? isFailedCall(span) : span.isError;
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

/** What crossed one edge; no latency where nothing did. */
export interface EdgeFigures {
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms?: number;
  readonly p95Ms?: number;
}

/** Epoch milliseconds; the end is not part of it. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Figures of each edge over the client spans that started in the window. Waiting for a connection of a pool is no call.
 * An edge without spans (nothing crossed it, or its protocol has none) is not in the map.
 */
export function edgeFigures(
  spans: Iterable<Span>,
  ports: EdgeByPort,
  window: Window,
): ReadonlyMap<string, EdgeFigures> {
  const calls = new Map<string, { errors: number; durationsMs: number[] }>();
  for (const span of spans) {
    if (span.startMs < window.startMs || span.startMs >= window.endMs) continue;
    const edge = edgeOf(span, ports);
    if (edge === undefined || isPoolWait(span)) continue;
    let seen = calls.get(edge);
    if (seen === undefined) calls.set(edge, (seen = { errors: 0, durationsMs: [] }));
    seen.durationsMs.push(span.endMs - span.startMs);
    if (isFailedCall(span)) seen.errors += 1;
  }
  return new Map(
    [...calls].map(([edge, { errors, durationsMs }]) => {
      const sorted = sortSamples(durationsMs);
      return [
        edge,
        {
          calls: sorted.length,
          errors,
          p50Ms: quantileOfSorted(sorted, 0.5),
          p95Ms: quantileOfSorted(sorted, 0.95),
        },
      ];
    }),
  );
}
