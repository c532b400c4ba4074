import type { PhaseName } from "../record/journal.ts";
import { clientName, edgesOf, isStandby, type Target } from "../target/target.ts";
import type { DeclaredEdge, GraphOptions } from "../traces/dependency-graph.ts";
import { prepareTrace, type PreparedTrace } from "../traces/prepared-trace.ts";
import type { EdgeByPort } from "../traces/edges.ts";
import type { Trace } from "../traces/trace.ts";
import { isWithin, type Timeline } from "./timeline.ts";

/** The traces of a run, made ready for the analyses, and which of them began in a phase. */
export interface PreparedTraces {
  readonly all: readonly PreparedTrace[];
  readonly byId: ReadonlyMap<string, PreparedTrace>;
  /** Those that began in a phase; none where the run did not come to it. */
  inPhase(phase: PhaseName): readonly PreparedTrace[];
}

export function prepareTraces(
  traces: Iterable<Trace>,
  { ports, timeline, zeroMs }: { ports: EdgeByPort; timeline: Timeline; zeroMs: number },
): PreparedTraces {
  const all = Array.from(traces, (trace) => prepareTrace(trace, ports));
  return {
    all,
    byId: new Map(all.map((one) => [one.trace.traceId, one])),
    inPhase(phase) {
      const window = timeline.find((one) => one.phase === phase);
      if (window === undefined) return [];
      return all.filter(({ trace }) => isWithin(window, (trace.spans[0]?.startMs ?? 0) - zeroMs));
    },
  };
}

/** What the dependency graph is held against: the target's edges, and whom clients call. */
export function graphOptionsOf(target: Target): Required<Pick<GraphOptions, "declared" | "entry">> {
  return { declared: declaredEdges(target), entry: { service: target.entry, client: clientName } };
}

function declaredEdges(target: Target): readonly DeclaredEdge[] {
  return edgesOf(target).map(({ caller, callee }) => ({
    caller,
    callee,
    isStandby: isStandby(target, caller, callee),
  }));
}
