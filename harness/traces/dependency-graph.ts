import type { Edge } from "../base/edge.ts";
import { formatEdge, parseEdge } from "../base/edge.ts";
import { minimumSamples, quantileOfSorted, sortSamples } from "../stats/quantile.ts";
import type { Callee } from "./call.ts";
import { isFailedCall } from "./edges.ts";
import type { PreparedTrace } from "./prepared-trace.ts";

/**
 * Who calls whom, as the spans tell it, against who may by the target. Calls count by their caller's span, so that those
 * into stores and the outside world, which have none of their own, are in it; what clients ask counts by the entry's.
 */
export interface DependencyGraph {
  readonly nodes: readonly GraphNode[];
  /** The most calls first. */
  readonly edges: readonly GraphEdge[];
  /** Seen and not declared. */
  readonly undeclared: readonly GraphEdge[];
  /** Declared and never seen; not those that are called only while another fails. */
  readonly neverSeen: readonly string[];
}

export interface GraphNode {
  readonly name: string;
  /** `client` is who asks the fleet; `outside` has no spans of its own. */
  readonly kind: Callee["kind"] | "client";
}

export interface GraphEdge {
  /** "order -> payment" */
  readonly edge: string;
  readonly caller: string;
  readonly callee: string;
  readonly calls: number;
  readonly errors: number;
  readonly ratePerSecond: number;
  /** As the caller saw it; of what clients ask, as the entry did. Absent where there are too few calls for it. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number;
  /** The trace in which it took longest. */
  readonly slowestTraceId: string;
}

export interface DeclaredEdge extends Edge {
  /** Whether it is called only while another callee fails. */
  readonly isStandby: boolean;
}

export interface GraphOptions {
  /** What the target says that may be called. @default nothing, and so no findings */
  readonly declared?: readonly DeclaredEdge[] | undefined;
  /** What clients call, and what they go by. @default no edge for what clients ask */
  readonly entry?: { readonly service: string; readonly client: string } | undefined;
  /** How long the traces were collected, for rates. */
  readonly durationMs: number;
}

interface Seen {
  durationsMs: number[];
  errors: number;
  slowestMs: number;
  slowestTraceId: string;
}

export function dependencyGraph(
  prepared: Iterable<PreparedTrace>,
  { declared, entry, durationMs }: GraphOptions,
): DependencyGraph {
  const seen = new Map<string, Seen>();
  const kinds = new Map<string, GraphNode["kind"]>();
  const add = (edge: string, traceId: string, tookMs: number, isFailed: boolean): void => {
    let figures = seen.get(edge);
    if (figures === undefined) {
      figures = { durationsMs: [], errors: 0, slowestMs: -1, slowestTraceId: traceId };
      seen.set(edge, figures);
    }
    figures.durationsMs.push(tookMs);
    if (isFailed) figures.errors += 1;
    if (tookMs <= figures.slowestMs) return;
    figures.slowestMs = tookMs;
    figures.slowestTraceId = traceId;
  };
  for (const { trace, calls } of prepared) {
    for (const { span } of trace.nodes) kinds.set(span.service, "service");
    for (const { node, edge, callee, isFailed } of calls) {
      if (!kinds.has(callee.name) || callee.kind === "store") kinds.set(callee.name, callee.kind);
      add(edge, trace.traceId, Math.max(0, node.span.endMs - node.span.startMs), isFailed);
    }
    if (entry === undefined) continue;
    for (const root of trace.roots)
      if (root.kind === "server" && root.service === entry.service) {
        kinds.set(entry.client, "client");
        const edge = formatEdge({ caller: entry.client, callee: entry.service });
        add(edge, trace.traceId, Math.max(0, root.endMs - root.startMs), isFailedCall(root));
      }
  }
  const edges = [...seen]
    .map(([edge, figures]) => graphEdge(edge, figures, durationMs))
    .sort((a, b) => b.calls - a.calls || (a.edge < b.edge ? -1 : 1));
  const known = new Set(declared?.map(formatEdge));
  return {
    nodes: [...kinds].map(([name, kind]) => ({ name, kind })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    edges,
    undeclared: declared === undefined ? [] : edges.filter(({ edge }) => !known.has(edge)),
    neverSeen: (declared ?? [])
      .filter((edge) => !edge.isStandby && !seen.has(formatEdge(edge)))
      .map(formatEdge),
  };
}

function graphEdge(edge: string, { durationsMs, errors, ...slowest }: Seen, collectedMs: number): GraphEdge {
  const sorted = sortSamples(durationsMs);
  const percentile = (share: number): number | undefined =>
    sorted.length < minimumSamples(share) ? undefined : quantileOfSorted(sorted, share);
  const [caller = "", callee = ""] = edge.split(" -> ");
  return {
    edge,
    ...(parseEdge(edge) ?? { caller, callee }),
    calls: sorted.length,
    errors,
    ratePerSecond: collectedMs > 0 ? (sorted.length * 1_000) / collectedMs : 0,
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
    maxMs: slowest.slowestMs,
    slowestTraceId: slowest.slowestTraceId,
  };
}
