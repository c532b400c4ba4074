import { formatEdge } from "../base/edge.ts";
import { clientName } from "../target/target.ts";
import { edgeFigures, figuresOf, type EdgeFigures, type Window } from "../traces/edge-figures.ts";
import type { Evidence } from "./evidence.ts";

/** Figures of every edge: from the spans, and for the clients' own edge, which has none, from the history. */
export function figuresBetween(
  evidence: Pick<Evidence, "operations" | "traces" | "edgeByPort" | "target">,
  window: Window,
): ReadonlyMap<string, EdgeFigures> {
  const asked = evidence.operations.filter(
    ({ sentMs }) => sentMs !== undefined && sentMs >= window.startMs && sentMs < window.endMs,
  );
  const figures = new Map(edgeFigures(evidence.traces.values(), evidence.edgeByPort, window));
  if (asked.length === 0) return figures;
  return figures.set(
    formatEdge({ caller: clientName, callee: evidence.target.entry }),
    figuresOf(
      asked.map(({ sentMs = 0, endedMs }) => endedMs - sentMs),
      asked.filter(({ status }) => status === undefined || status >= 500).length,
    ),
  );
}
