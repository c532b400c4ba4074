import type { Call } from "./call.ts";
import type { PreparedTrace } from "./prepared-trace.ts";
import type { TraceNode } from "./trace.ts";

/**
 * How many calls retries make of one. A call counts as first when neither it nor anything above it is a retry; the calls
 * over an edge for each first one are its amplification. Three tiers of three attempts make 27 calls of one.
 */
export interface RetryAmplification {
  /** Edges with calls that were made because of a retry, the most amplified first. */
  readonly edges: readonly EdgeAmplification[];
  /** Requests in which something was retried, the most amplified first. */
  readonly requests: readonly RequestAmplification[];
  /** How many requests had a retry in them, however many are listed. */
  readonly requestsRetried: number;
}

export interface EdgeAmplification {
  readonly edge: string;
  readonly calls: number;
  readonly firstCalls: number;
  /** Calls that are retries themselves; the rest was made again because something above was. */
  readonly retries: number;
  /** `calls / firstCalls` */
  readonly amplification: number;
  /** The request in which it was worst. */
  readonly worst: { readonly traceId: string; readonly amplification: number };
}

export interface RequestAmplification {
  readonly traceId: string;
  readonly operation: string;
  /** The edge that was called most often for each first call. */
  readonly edge: string;
  readonly calls: number;
  readonly firstCalls: number;
  readonly amplification: number;
}

interface Counted {
  calls: number;
  firstCalls: number;
  retries: number;
}

/** @param mostRequests how many requests are listed. @default 10 */
export function retryAmplification(prepared: Iterable<PreparedTrace>, mostRequests = 10): RetryAmplification {
  const edges = new Map<string, Counted & { worst: EdgeAmplification["worst"] }>();
  const requests: RequestAmplification[] = [];
  for (const { trace, operation, calls } of prepared) {
    const again = calls.some(({ isRetry }) => isRetry) ? madeAgain(trace.nodes, calls) : undefined;
    const ofRequest = new Map<string, Counted>();
    for (const { node, edge, isRetry } of calls) {
      let counted = ofRequest.get(edge);
      if (counted === undefined) ofRequest.set(edge, (counted = { calls: 0, firstCalls: 0, retries: 0 }));
      counted.calls += 1;
      if (isRetry) counted.retries += 1;
      if (again?.has(node) !== true) counted.firstCalls += 1;
    }
    let worst: RequestAmplification | undefined;
    for (const [edge, counted] of ofRequest) {
      const amplification = amplificationOf(counted);
      const { calls, firstCalls } = counted;
      const { traceId } = trace;
      if (amplification > (worst?.amplification ?? 1))
        worst = { traceId, operation, edge, calls, firstCalls, amplification };
      const all = edges.get(edge);
      if (all === undefined) edges.set(edge, { ...counted, worst: { traceId, amplification } });
      else {
        all.calls += calls;
        all.firstCalls += firstCalls;
        all.retries += counted.retries;
        if (amplification > all.worst.amplification) all.worst = { traceId, amplification };
      }
    }
    if (worst !== undefined) requests.push(worst);
  }
  requests.sort((a, b) => b.amplification - a.amplification);
  return {
    edges: [...edges]
      .filter(([, { calls, firstCalls }]) => calls > firstCalls)
      .map(([edge, counted]) => ({ edge, ...counted, amplification: amplificationOf(counted) }))
      .sort((a, b) => b.amplification - a.amplification),
    requests: requests.slice(0, mostRequests),
    requestsRetried: requests.length,
  };
}

/** An edge that is called by retries alone is called for one that might have been. */
function amplificationOf({ calls, firstCalls }: Counted): number {
  return calls / Math.max(1, firstCalls);
}

/** Retries, and all that is below one. */
function madeAgain(nodes: readonly TraceNode[], calls: readonly Call[]): ReadonlySet<TraceNode> {
  const again = new Set(calls.filter(({ isRetry }) => isRetry).map(({ node }) => node));
  for (const node of nodes) if (node.parent !== undefined && again.has(node.parent)) again.add(node);
  return again;
}
