import { edgeOfNode } from "./call.ts";
import { criticalPath } from "./critical-path.ts";
import type { PreparedTrace } from "./prepared-trace.ts";
import { notSentTo } from "./resilience-sign.ts";
import { failureOrigins } from "./swallowed-errors.ts";
import type { TraceNode } from "./trace.ts";
import type { EdgeByPort } from "./edges.ts";

/** What each place did to one trace, by itself: its time on the critical path, and the failures that began there. */
export interface Contribution {
  readonly traceId: string;
  readonly operation: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** By place; the times add up to the duration. A place that the trace came to off its critical path has 0 ms. */
  readonly parts: ReadonlyMap<string, Part>;
}

export interface Part {
  readonly ms: number;
  readonly spans: number;
  readonly failed: number;
}

export function contributionOf({ trace, operation, durationMs, ports }: PreparedTrace): Contribution {
  const parts = new Map<string, { -readonly [Key in keyof Part]: Part[Key] }>();
  const partOf = (place: string): { -readonly [Key in keyof Part]: Part[Key] } => {
    let part = parts.get(place);
    if (part === undefined) parts.set(place, (part = { ms: 0, spans: 0, failed: 0 }));
    return part;
  };
  const placeByNode = new Map<TraceNode, { ms: number; spans: number; failed: number }>();
  for (const node of trace.nodes) {
    const part = partOf(placeOf(node, ports));
    part.spans += 1;
    placeByNode.set(node, part);
  }
  for (const { node, startMs, endMs } of criticalPath(trace)) {
    const part = placeByNode.get(node);
    if (part !== undefined) part.ms += endMs - startMs;
  }
  for (const node of failureOrigins(trace.nodes)) {
    const refused = notSentTo(node.span);
    const part = refused === undefined ? placeByNode.get(node) : partOf(`${node.span.service} -> ${refused}`);
    if (part === undefined) continue;
    part.failed += 1;
    // A call that was not made counts as one that failed.
    if (refused !== undefined) part.spans += 1;
  }
  return { traceId: trace.traceId, operation, startMs: trace.spans[0]?.startMs ?? 0, durationMs, parts };
}

/** Of a client span its edge, waiting for a connection too; of any other its service. */
export function placeOf(node: TraceNode, ports: EdgeByPort): string {
  return node.span.kind === "client" ? edgeOfNode(node, ports) : node.span.service;
}
