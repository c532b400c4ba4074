import type { Span } from "../record/span.ts";

/** The spans of one trace as a tree. Under faults spans get lost, so it may be several trees. */
export interface Trace {
  readonly traceId: string;
  /** By start. */
  readonly spans: readonly Span[];
  /** Spans whose parent is not here, by start: one when nothing is missing. Never empty. */
  readonly roots: readonly Span[];
  /** Of a span, by start. */
  childrenOf(spanId: string): readonly Span[];
  /**
   * Whether the root and every parent that a span names are here. The root may name a parent that is not, if it is a
   * server span of the entry: that parent is the client's own, made up by the load.
   */
  readonly isComplete: boolean;
}

/**
 * Traces by id. A span that was sent twice counts once.
 * @param entry the service that clients call; without it any server span may be a root with a parent of the client's
 */
export function groupTraces(spans: Iterable<Span>, entry?: string): ReadonlyMap<string, Trace> {
  const traces = new Map<string, Trace>();
  for (const [traceId, ofTrace] of Map.groupBy(spans, (span) => span.traceId))
    traces.set(traceId, traceOf(traceId, ofTrace, entry));
  return traces;
}

function traceOf(traceId: string, received: readonly Span[], entry: string | undefined): Trace {
  const byId = new Map<string, Span>();
  for (const span of received) if (!byId.has(span.spanId)) byId.set(span.spanId, span);
  const spans = [...byId.values()].sort((a, b) => a.startMs - b.startMs);
  const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined || !byId.has(parentSpanId));
  const children = Map.groupBy(spans, ({ parentSpanId }) => parentSpanId);
  return {
    traceId,
    spans,
    roots,
    childrenOf: (spanId) => children.get(spanId) ?? [],
    isComplete: roots.length === 1 && roots.every((root) => mayBeRoot(root, entry)),
  };
}

function mayBeRoot(span: Span, entry: string | undefined): boolean {
  if (span.parentSpanId === undefined) return true;
  return span.kind === "server" && (entry === undefined || span.service === entry);
}
