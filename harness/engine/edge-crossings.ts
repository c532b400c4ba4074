import { formatEdge } from "../base/edge.ts";
import { readSpans } from "../record/otlp.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import { edgeFigures, type Window } from "../traces/edge-figures.ts";
import { groupTraces } from "../traces/trace.ts";

/**
 * Calls that crossed each edge, by the spans that have come so far: services send theirs twice a second. An edge of which
 * there are none is not in the map; the clients' own has no spans.
 */
export function edgeCrossings(
  { edges, target }: Pick<Fleet, "edges" | "target">,
  { traces }: Pick<RunFolder, "traces">,
  window: Window,
): ReadonlyMap<string, number> {
  const ports = new Map(edges.map((edge) => [edge.listen.port, formatEdge(edge)]));
  const figures = edgeFigures(groupTraces(readSpans(traces), target.entry).values(), ports, window);
  return new Map([...figures].map(([edge, { calls }]) => [edge, calls]));
}
