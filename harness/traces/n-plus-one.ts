import { shapeOf, type Call } from "./call.ts";
import { operationOf, type PreparedTrace } from "./prepared-trace.ts";
import type { TraceNode } from "./trace.ts";

/**
 * The same asked many times under one parent, with other particulars: a query for each row of an earlier one, a request
 * for each item of a list. Retries are no such thing.
 */
export interface NPlusOne {
  /** Who asks: "catalog GET /products". */
  readonly operation: string;
  readonly edge: string;
  /** What is asked: "select * from prices where product_id = ?". */
  readonly shape: string;
  /** Parents under which it was asked too often, and traces that have one. */
  readonly parents: number;
  readonly traces: number;
  /** The most under one parent, and where. */
  readonly mostCalls: number;
  readonly traceId: string;
  /** Of a parent on the mean: from the first call's start to the last one's end. */
  readonly meanMs: number;
}

/** Fewer could be chance: two halves of a page, or a call before and one after. */
export const leastCalls = 5;

/** The most calls first. */
export function nPlusOne(prepared: Iterable<PreparedTrace>, least = leastCalls): readonly NPlusOne[] {
  type Growing = { -readonly [Key in keyof NPlusOne]: NPlusOne[Key] };
  const found = new Map<string, Growing>();
  for (const { trace, calls } of prepared) {
    if (calls.length < least) continue;
    const ofTrace = new Set<string>();
    for (const [parent, siblings] of callsByParent(calls)) {
      if (siblings.length < least) continue;
      for (const [key, same] of Map.groupBy(siblings, (call) => `${call.edge}\n${shapeOf(call)}`)) {
        const [first] = same;
        if (same.length < least || first === undefined) continue;
        const operation = operationOf(parent.span);
        const endMs = same.reduce((latest, { node }) => Math.max(latest, node.span.endMs), 0);
        const tookMs = Math.max(0, endMs - first.node.span.startMs);
        const id = `${operation}\n${key}`;
        let one = found.get(id);
        if (one === undefined) {
          const shape = shapeOf(first);
          one = {
            operation,
            edge: first.edge,
            shape,
            parents: 0,
            traces: 0,
            mostCalls: 0,
            traceId: trace.traceId,
            meanMs: 0,
          };
          found.set(id, one);
        }
        one.parents += 1;
        one.meanMs += (tookMs - one.meanMs) / one.parents;
        if (!ofTrace.has(id)) one.traces += 1;
        ofTrace.add(id);
        if (same.length <= one.mostCalls) continue;
        one.mostCalls = same.length;
        one.traceId = trace.traceId;
      }
    }
  }
  return [...found.values()].sort((a, b) => b.mostCalls - a.mostCalls || b.parents - a.parents);
}

/** Calls that were no retries, by their parent, by start. */
export function callsByParent(calls: readonly Call[]): ReadonlyMap<TraceNode, readonly Call[]> {
  const byParent = new Map<TraceNode, Call[]>();
  for (const call of calls) {
    const { parent } = call.node;
    if (parent === undefined || call.isRetry) continue;
    const siblings = byParent.get(parent);
    if (siblings === undefined) byParent.set(parent, [call]);
    else siblings.push(call);
  }
  return byParent;
}
