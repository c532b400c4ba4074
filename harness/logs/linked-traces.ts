import type { Span } from "../record/span.ts";

/** Which traces are linked to which, by their spans' links: work done later has a trace of its own, which links back. */
export interface TraceLinks {
  /** Every trace that has a span. */
  readonly known: ReadonlySet<string>;
  /**
   * A trace with those that came of it, and those that it came of, over any number of links; not what else came of the
   * latter. The trace itself is first.
   */
  linkedWith(traceId: string): ReadonlySet<string>;
}

export function linksBetween(spans: Iterable<Span>): TraceLinks {
  const known = new Set<string>();
  const origins = new Map<string, Set<string>>();
  const followers = new Map<string, Set<string>>();
  for (const { traceId, links } of spans) {
    known.add(traceId);
    for (const link of links) {
      add(origins, traceId, link.traceId);
      add(followers, link.traceId, traceId);
    }
  }
  return {
    known,
    linkedWith: (traceId) => new Set([...reach(traceId, followers), ...reach(traceId, origins)]),
  };
}

function add(all: Map<string, Set<string>>, from: string, to: string): void {
  const linked = all.get(from);
  if (linked === undefined) all.set(from, new Set([to]));
  else linked.add(to);
}

function reach(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const reached = new Set([start]);
  // A set that is added to while it is walked is walked to its new end.
  for (const one of reached) for (const other of next.get(one) ?? []) reached.add(other);
  return reached;
}
