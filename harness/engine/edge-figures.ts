import { formatEdge } from "../base/edge.ts";
import { clientName } from "../target/target.ts";
import {
  edgeCalls,
  figuresOf,
  type EdgeCall,
  type EdgeFigures,
  type Window,
} from "../traces/edge-figures.ts";
import type { Evidence } from "./evidence.ts";

type CallsEvidence = Pick<Evidence, "operations" | "traces" | "edgeByPort" | "target">;

/** Calls over every edge: from the spans, and over the clients' own edge, which has none, from the history. */
export function callsBetween(
  evidence: CallsEvidence,
  window: Window,
): ReadonlyMap<string, readonly EdgeCall[]> {
  const asked = evidence.operations.filter(
    ({ sentMs }) => sentMs !== undefined && sentMs >= window.startMs && sentMs < window.endMs,
  );
  const calls = new Map(edgeCalls(evidence.traces.values(), evidence.edgeByPort, window));
  if (asked.length === 0) return calls;
  return calls.set(
    formatEdge({ caller: clientName, callee: evidence.target.entry }),
    asked.map(({ sentMs = 0, endedMs, status }) => ({
      durationMs: endedMs - sentMs,
      hasFailed: status === undefined || status >= 500,
    })),
  );
}

/** Figures of every edge, of the same calls. */
export function figuresBetween(evidence: CallsEvidence, window: Window): ReadonlyMap<string, EdgeFigures> {
  return new Map([...callsBetween(evidence, window)].map(([edge, calls]) => [edge, figuresOf(calls)]));
}
