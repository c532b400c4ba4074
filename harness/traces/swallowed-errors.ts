import type { Call } from "./call.ts";
import { httpStatusOf, isHttp } from "./edges.ts";
import { hasFailed } from "./has-failed.ts";
import { operationOf, type PreparedTrace } from "./prepared-trace.ts";
import { signsOf, type ResilienceSign } from "./resilience-sign.ts";
import type { TraceNode } from "./trace.ts";

/**
 * Failures below a root that succeeded: somebody on the way took the error and went on. That may be what is wanted (a
 * retry, a fallback, another provider), so each says by what sign it was dealt with, and those without any stand first:
 * they may be an answer that is quietly wrong.
 */
export interface SwallowedError {
  /** Who answered well: "gateway GET /api/products/:id". */
  readonly operation: string;
  /** What failed: the edge of a call, else the span. */
  readonly failed: string;
  /** `none`: nothing in the trace says how. */
  readonly dealtWith: ResilienceSign | "none";
  readonly spans: number;
  readonly traces: number;
  /** The first in which it was. */
  readonly traceId: string;
}

/** Those without a sign first, then the most frequent. */
export function swallowedErrors(prepared: Iterable<PreparedTrace>): readonly SwallowedError[] {
  type Growing = { -readonly [Key in keyof SwallowedError]: SwallowedError[Key] };
  const found = new Map<string, Growing>();
  for (const { trace, calls } of prepared) {
    const failed = failureOrigins(trace.nodes);
    if (failed.length === 0) continue;
    const callOf = new Map(calls.map((call) => [call.node, call]));
    const dealings = dealingsOf(trace.nodes, callOf);
    const ofTrace = new Set<string>();
    for (const node of failed) {
      const { root, sign: dealtWith } = dealings.get(node) ?? { root: node, sign: "none" };
      if (root === node || !hasSucceeded(root)) continue;
      const operation = operationOf(root.span);
      const what = callOf.get(node)?.edge ?? operationOf(node.span);
      const key = [operation, what, dealtWith].join("\n");
      let one = found.get(key);
      if (one === undefined) {
        one = { operation, failed: what, dealtWith, spans: 0, traces: 0, traceId: trace.traceId };
        found.set(key, one);
      }
      one.spans += 1;
      if (!ofTrace.has(key)) one.traces += 1;
      ofTrace.add(key);
    }
  }
  return [...found.values()].sort(
    (a, b) => Number(b.dealtWith === "none") - Number(a.dealtWith === "none") || b.traces - a.traces,
  );
}

/** Where failures began: failed spans below which nothing else did. */
export function failureOrigins(nodes: readonly TraceNode[]): readonly TraceNode[] {
  const failed = nodes.filter(hasFailed);
  if (failed.length === 0) return failed;
  const above = new Set<TraceNode>();
  for (const node of failed)
    for (let next = node.parent; next !== undefined && !above.has(next); next = next.parent) above.add(next);
  return failed.filter((node) => !above.has(node));
}

/** Of HTTP a 2xx or 3xx; of anything else no error. */
function hasSucceeded({ span }: TraceNode): boolean {
  const status = httpStatusOf(span);
  if (isHttp(span) && status !== undefined) return status < 400 && !span.isError;
  return !span.isError;
}

const strongest: readonly ResilienceSign[] = ["fallback", "failed-over", "retried", "hedged"];

interface Dealing {
  readonly root: TraceNode;
  readonly sign: ResilienceSign | "none";
}

/** Of each span its root, and the nearest sign on the way there: somebody's own word, or a retry after it beside it. */
function dealingsOf(
  nodes: readonly TraceNode[],
  callOf: ReadonlyMap<TraceNode, Call>,
): ReadonlyMap<TraceNode, Dealing> {
  const dealings = new Map<TraceNode, Dealing>();
  const retriedLater = new Set<TraceNode>();
  for (const node of nodes) {
    const edges = new Set<string>();
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      const child = node.children[index] as TraceNode;
      const call = callOf.get(child);
      if (call === undefined) continue;
      if (edges.has(call.edge)) retriedLater.add(child);
      if (call.isRetry) edges.add(call.edge);
    }
    const above = node.parent && dealings.get(node.parent);
    const signs = signsOf(node.span);
    const sign =
      strongest.find((candidate) => signs.has(candidate)) ??
      (retriedLater.has(node) ? "retried" : (above?.sign ?? "none"));
    dealings.set(node, { root: above?.root ?? node, sign });
  }
  return dealings;
}
