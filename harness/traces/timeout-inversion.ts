import type { Call } from "./call.ts";
import { hasAnswer } from "./edges.ts";
import type { PreparedTrace } from "./prepared-trace.ts";
import type { TraceNode } from "./trace.ts";

/**
 * A caller that gives up before its callee ends: the callee goes on for nobody, and does what may then be done again. A
 * call counts when it had no answer and its callee's span ends after it; but not when another call of the same parent over
 * the same edge was under way beside it and was answered: then the answer was had elsewhere, as hedging has it.
 */
export interface TimeoutInversion {
  readonly edge: string;
  readonly calls: number;
  /** Calls over the edge in all of which the callee's span arrived. */
  readonly ofCalls: number;
  /** After how long callers gave up, on the mean, and how long callees then went on. */
  readonly gaveUpAfterMs: number;
  readonly wentOnMs: number;
  readonly longestMs: number;
  /** Where the callee went on for longest. */
  readonly traceId: string;
}

/** Ends as close as this may be one answer that was cut, told by two clocks. */
const leastMs = 2;

/** The most time spent for nobody first. */
export function timeoutInversions(prepared: Iterable<PreparedTrace>): readonly TimeoutInversion[] {
  type Growing = { -readonly [Key in keyof TimeoutInversion]: TimeoutInversion[Key] };
  const edges = new Map<string, Growing>();
  for (const { trace, calls } of prepared) {
    let answered: ReadonlyMap<TraceNode | undefined, readonly Call[]> | undefined;
    for (const call of calls) {
      const { node, edge, server } = call;
      if (server === undefined) continue;
      let one = edges.get(edge);
      if (one === undefined) {
        const { traceId } = trace;
        one = { edge, calls: 0, ofCalls: 0, gaveUpAfterMs: 0, wentOnMs: 0, longestMs: 0, traceId };
        edges.set(edge, one);
      }
      one.ofCalls += 1;
      const wentOnMs = server.span.endMs - node.span.endMs;
      if (hasAnswer(node.span) || wentOnMs < leastMs) continue;
      answered ??= answeredByParent(calls);
      if (answered.get(node.parent)?.some((other) => isBeside(other, call)) === true) continue;
      one.calls += 1;
      one.gaveUpAfterMs += (node.span.endMs - node.span.startMs - one.gaveUpAfterMs) / one.calls;
      one.wentOnMs += (wentOnMs - one.wentOnMs) / one.calls;
      if (wentOnMs <= one.longestMs) continue;
      one.longestMs = wentOnMs;
      one.traceId = trace.traceId;
    }
  }
  return [...edges.values()]
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.calls * b.wentOnMs - a.calls * a.wentOnMs);
}

function answeredByParent(calls: readonly Call[]): ReadonlyMap<TraceNode | undefined, readonly Call[]> {
  return Map.groupBy(
    calls.filter(({ node }) => hasAnswer(node.span)),
    ({ node }) => node.parent,
  );
}

function isBeside(other: Call, { edge, node }: Call): boolean {
  return (
    other.edge === edge &&
    other.node.span.startMs < node.span.endMs &&
    other.node.span.endMs > node.span.startMs
  );
}
