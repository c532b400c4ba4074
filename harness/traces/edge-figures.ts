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

/**
 * Figures of each edge over the calls that started in the window. Waiting for a connection of a pool is no call. An edge
 * without spans (nothing crossed it, or its protocol has none) is not in the map.
 */
export function edgeFigures(
  traces: Iterable<Trace>,
  ports: EdgeByPort,
  window: Window,
): ReadonlyMap<string, EdgeFigures> {
  const calls = new Map<string, { errors: number; durationsMs: number[] }>();
  for (const { nodes } of traces)
    for (const node of nodes) {
      const { span } = node;
      if (span.kind !== "client" || span.startMs < window.startMs || span.startMs >= window.endMs) continue;
      if (isPoolWait(span)) continue;
      const edge = edgeOfNode(node, ports);
      let seen = calls.get(edge);
      if (seen === undefined) calls.set(edge, (seen = { errors: 0, durationsMs: [] }));
      seen.durationsMs.push(span.endMs - span.startMs);
      if (hasFailed(node)) seen.errors += 1;
    }
  return new Map([...calls].map(([edge, { errors, durationsMs }]) => [edge, figuresOf(durationsMs, errors)]));
}

/** The figures of calls that took so long, of which so many failed. */
export function figuresOf(durationsMs: readonly number[], errors: number): EdgeFigures {
  const sorted = sortSamples(durationsMs);
  return {
    calls: sorted.length,
    errors,
    ...(sorted.length >= minimumSamples(0.5) && { p50Ms: quantileOfSorted(sorted, 0.5) }),
    ...(sorted.length >= minimumSamples(0.95) && { p95Ms: quantileOfSorted(sorted, 0.95) }),
  };
}
