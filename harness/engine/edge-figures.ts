import { formatEdge } from "../base/edge.ts";
import { quantile } from "../stats/quantile.ts";
import { clientName } from "../target/target.ts";
import { edgeFigures, type EdgeFigures, type Window } from "../traces/edges.ts";
import type { Evidence } from "./evidence.ts";

/** Figures of every edge: from the spans, and for the clients' own edge, which has none, from the history. */
export function figuresBetween(
  evidence: Pick<Evidence, "operations" | "spans" | "edgeByPort" | "target">,
  window: Window,
): ReadonlyMap<string, EdgeFigures> {
  const asked = evidence.operations.filter(
    ({ sentMs }) => sentMs !== undefined && sentMs >= window.startMs && sentMs < window.endMs,
  );
  const figures = new Map(edgeFigures(evidence.spans, evidence.edgeByPort, window));
  if (asked.length === 0) return figures;
  const latencies = asked.map(({ sentMs = 0, endedMs }) => endedMs - sentMs);
  return figures.set(formatEdge({ caller: clientName, callee: evidence.target.entry }), {
    calls: asked.length,
    errors: asked.filter(({ status }) => status === undefined || status >= 500).length,
    p50Ms: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
  });
}
