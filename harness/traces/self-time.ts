import { operationOf, type PreparedTrace } from "./prepared-trace.ts";
import type { Trace, TraceNode } from "./trace.ts";

/**
 * Self time: the part of a span during which none of its children was under way. Children that overlap count once; one
 * that outlasts its parent counts up to the parent's end, one that began before it from its start.
 *
 * @returns in milliseconds, by the order of `trace.nodes`
 */
export function selfTimes(trace: Trace): readonly number[] {
  return trace.nodes.map(selfTimeMs);
}

function selfTimeMs({ span, children }: TraceNode): number {
  let coveredMs = 0;
  let coveredToMs = span.startMs;
  // By start, so that one pass joins those that overlap.
  for (const child of children) {
    const startMs = Math.max(coveredToMs, child.span.startMs);
    const endMs = Math.min(span.endMs, child.span.endMs);
    if (endMs <= startMs) continue;
    coveredMs += endMs - startMs;
    coveredToMs = endMs;
  }
  return Math.max(0, span.endMs - span.startMs - coveredMs);
}

export interface OperationTime {
  /** "order POST /orders" */
  readonly operation: string;
  readonly kind: TraceNode["span"]["kind"];
  readonly spans: number;
  readonly selfMs: number;
  /** Of all self time. */
  readonly share: number;
}

/** Where time is spent, by operation, the most first. A client span's own time is on the way and in who has no spans. */
export function selfTimeByOperation(prepared: Iterable<PreparedTrace>): readonly OperationTime[] {
  const byOperation = new Map<string, { kind: OperationTime["kind"]; spans: number; selfMs: number }>();
  let totalMs = 0;
  for (const { trace } of prepared)
    for (const node of trace.nodes) {
      const operation = operationOf(node.span);
      let time = byOperation.get(operation);
      if (time === undefined)
        byOperation.set(operation, (time = { kind: node.span.kind, spans: 0, selfMs: 0 }));
      const selfMs = selfTimeMs(node);
      time.spans += 1;
      time.selfMs += selfMs;
      totalMs += selfMs;
    }
  return [...byOperation]
    .map(([operation, time]) => ({ operation, ...time, share: totalMs === 0 ? 0 : time.selfMs / totalMs }))
    .sort((a, b) => b.selfMs - a.selfMs);
}
