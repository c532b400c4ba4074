import { minimumSamples, quantileOfSorted, sortSamples } from "../stats/quantile.ts";
import { edgeOfNode } from "./call.ts";
import { isPoolWait, type EdgeByPort } from "./edges.ts";
import { hasFailed } from "./has-failed.ts";
import type { Trace } from "./trace.ts";

/** What crossed one edge; no latency where nothing did, and no percentile of fewer calls than it needs. */
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

/** A call that crossed an edge. */
export interface EdgeCall {
  readonly durationMs: number;
  readonly hasFailed: boolean;
}

/**
 * Figures of each edge over the calls that started in the window. Waiting for a connection of a pool is no call. An edge
 * without spans (nothing crossed it, or its protocol has none) is not in the map.
 */
export function edgeFigures(
  traces: Iterable<Trace>,
  ports: EdgeByPort,
  window: Window,
): ReadonlyMap<string, EdgeFigures> {
  return new Map([...edgeCalls(traces, ports, window)].map(([edge, calls]) => [edge, figuresOf(calls)]));
}

/** The calls behind {@link edgeFigures}, by edge. */
export function edgeCalls(
  traces: Iterable<Trace>,
  ports: EdgeByPort,
  window: Window,
): ReadonlyMap<string, readonly EdgeCall[]> {
  const calls = new Map<string, EdgeCall[]>();
  for (const { nodes } of traces)
    for (const node of nodes) {
      const { span } = node;
      if (span.kind !== "client" || span.startMs < window.startMs || span.startMs >= window.endMs) continue;
      if (isPoolWait(span)) continue;
      const edge = edgeOfNode(node, ports);
      let seen = calls.get(edge);
      if (seen === undefined) calls.set(edge, (seen = []));
      seen.push({ durationMs: span.endMs - span.startMs, hasFailed: hasFailed(node) });
    }
  return calls;
}

export function figuresOf(calls: readonly EdgeCall[]): EdgeFigures {
  const sorted = sortSamples(calls.map(({ durationMs }) => durationMs));
  return {
    calls: sorted.length,
    errors: calls.filter(({ hasFailed }) => hasFailed).length,
    ...(sorted.length >= minimumSamples(0.5) && { p50Ms: quantileOfSorted(sorted, 0.5) }),
    ...(sorted.length >= minimumSamples(0.95) && { p95Ms: quantileOfSorted(sorted, 0.95) }),
  };
}
