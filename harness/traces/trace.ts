import type { Span } from "../record/span.ts";
import { isComplete } from "./completeness.ts";

/**
 * The spans of one trace as a tree. Under faults spans get lost, come twice, late or with wrong parents, so it may be
 * several trees; whatever came, each span is in exactly one of them. Nothing here recurses: a trace may be 10,000 deep.
 *
 *   spans ─groupTraces→ Trace ─prepareTrace→ PreparedTrace (clocks aligned, calls named) ─→ each analysis
 */
export interface Trace {
  readonly traceId: string;
  /** By start. */
  readonly spans: readonly Span[];
  /** Spans whose parent is not here, by start: one when nothing is missing. Never empty. */
  readonly roots: readonly Span[];
  /** Every span at its place, parents before their children, both by start. */
  readonly nodes: readonly TraceNode[];
  /** How many spans came again, and were left out. */
  readonly duplicates: number;
  /** How many circles of parents there were. Each is cut at its first span, which then counts as a root. */
  readonly circles: number;
  /**
   * Whether the root and every parent that a span names are here. The root may name a parent that is not, if it is a
   * server span of the entry: that parent is the client's own, made up by the load.
   */
  readonly isComplete: boolean;
}

/** A span at its place in the tree. */
export interface TraceNode {
  readonly span: Span;
  readonly parent: TraceNode | undefined;
  /** By start. */
  readonly children: readonly TraceNode[];
  /** Of a root 0. */
  readonly depth: number;
}

/**
 * Traces by id. A span that was sent twice counts once.
 * @param entry the service that clients call; without it any server span may be a root with a parent of the client's
 */
export function groupTraces(spans: Iterable<Span>, entry?: string): ReadonlyMap<string, Trace> {
  const traces = new Map<string, Trace>();
  for (const [traceId, ofTrace] of Map.groupBy(spans, (span) => span.traceId))
    traces.set(traceId, createTrace(traceId, ofTrace, entry));
  return traces;
}

/** The trace of spans that all have this id; `received` is not empty. */
export function createTrace(traceId: string, received: readonly Span[], entry?: string): Trace {
  const byId = new Map<string, Growing>();
  for (const span of received)
    if (!byId.has(span.spanId))
      byId.set(span.spanId, { span, parent: undefined, children: noChildren, depth: -1 });
  const all = [...byId.values()].sort(byStart);
  const roots: Growing[] = [];
  for (const node of all) {
    const { parentSpanId } = node.span;
    node.parent = parentSpanId === undefined ? undefined : byId.get(parentSpanId);
    if (node.parent === undefined) roots.push(node);
    else if (node.parent.children === noChildren) node.parent.children = [node];
    else node.parent.children.push(node);
  }
  let nodes = inOrder(roots);
  const circles = nodes.length === all.length ? [] : cutCircles(all);
  if (circles.length > 0) {
    roots.push(...circles);
    roots.sort(byStart);
    nodes = inOrder(roots);
  }
  const trace = {
    traceId,
    spans: all.map(({ span }) => span),
    roots: roots.map(({ span }) => span),
    nodes,
    duplicates: received.length - all.length,
    circles: circles.length,
  };
  return { ...trace, isComplete: isComplete(trace, entry) };
}

interface Growing {
  readonly span: Span;
  parent: Growing | undefined;
  children: Growing[];
  depth: number;
}

/** Of every leaf: most spans are. */
const noChildren: Growing[] = [];

/** By id where they start together, so that the order in which spans arrive changes nothing. */
function byStart(a: Growing, b: Growing): number {
  return a.span.startMs - b.span.startMs || (a.span.spanId < b.span.spanId ? -1 : 1);
}

/** What can be reached from the roots, with its depth set. */
function inOrder(roots: readonly Growing[]): Growing[] {
  const nodes: Growing[] = [];
  const waiting = roots.toReversed();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    node.depth = node.parent === undefined ? 0 : node.parent.depth + 1;
    nodes.push(node);
    for (let index = node.children.length - 1; index >= 0; index -= 1)
      waiting.push(node.children[index] as Growing);
  }
  return nodes;
}

/**
 * Cuts each circle among the nodes that no root leads to (their depth is still unset) at its first span.
 * @param all by start
 * @returns the spans that are roots now
 */
function cutCircles(all: readonly Growing[]): Growing[] {
  const cut: Growing[] = [];
  const walkOf = new Map<Growing, Growing>();
  for (const start of all) {
    if (start.depth >= 0) continue;
    let node: Growing | undefined = start;
    while (node !== undefined && !walkOf.has(node)) {
      walkOf.set(node, start);
      node = node.parent;
    }
    // Back on this very walk: `node` is on a circle that is not cut yet.
    if (node === undefined || walkOf.get(node) !== start) continue;
    let first = node;
    for (let next = node.parent; next !== undefined && next !== node; next = next.parent)
      if (byStart(next, first) < 0) first = next;
    if (first.parent === undefined) continue;
    first.parent.children = first.parent.children.filter((child) => child !== first);
    first.parent = undefined;
    cut.push(first);
  }
  return cut;
}
