import { formatEdge } from "../base/edge.ts";
import { blastRadius } from "../experiment/blast-radius.ts";
import type { Fault } from "../experiment/fault.ts";
import { touchOf } from "../experiment/touch.ts";
import type { RadiusSummary, TouchedRadius } from "../record/radius-summary.ts";
import type { EdgeSummary, FaultSummary } from "../record/summary.ts";
import { clientName, edgesOf, type Target } from "../target/target.ts";
import { edgeOfNode } from "../traces/call.ts";
import type { Window } from "../traces/edge-figures.ts";
import type { Trace } from "../traces/trace.ts";
import type { Evidence } from "./evidence.ts";
import { exposedJourneys } from "./exposed-journeys.ts";

export type RadiusEvidence = Pick<
  Evidence,
  "experiment" | "target" | "operations" | "journeys" | "traces" | "edgeByPort" | "zeroMs" | "endedAtMs"
>;

/** What is known of the run when this is told: its faults in the experiment's order, and what crossed each edge. */
interface Known {
  readonly faults: readonly FaultSummary[];
  readonly edges: readonly EdgeSummary[];
}

/** How far the experiment was to reach at worst, and how far it came. */
export function radiusSummary(evidence: RadiusEvidence, known: Known): RadiusSummary {
  const { experiment, target } = evidence;
  const { faults: _, ...planned } = blastRadius(experiment, target);
  const journeys = exposedJourneys(experiment, target)?.count;
  return {
    planned: { ...planned, ...(journeys === undefined ? {} : { journeys }) },
    touched: touchedRadius(evidence, known),
  };
}

function touchedRadius(evidence: RadiusEvidence, { faults, edges }: Known): TouchedRadius {
  const { experiment, target, zeroMs } = evidence;
  const ran = experiment.faults.flatMap((fault, index): readonly RanFault[] => {
    const told = faults[index];
    if (told?.injectedMs === undefined) return [];
    const startMs = zeroMs + told.injectedMs;
    const endMs = told.undoneMs === undefined ? evidence.endedAtMs : zeroMs + told.undoneMs;
    return [{ fault, told, window: { startMs, endMs } }];
  });
  const felt = ran.filter(({ told }) => told.bit).map(({ fault }) => fault);
  const hit = blastRadius({ faults: felt, phases: experiment.phases }, target);
  const calls = faults.flatMap(({ actsOn, affected }) =>
    actsOn === "calls" && affected !== undefined ? [affected.requests] : [],
  );
  const windows = ran.map(({ window }) => window);
  const lengthsMs = windows.map(({ startMs, endMs }) => endMs - startMs);
  return {
    edges: hit.edges,
    processes: hit.processes.map(({ process }) => process),
    services: hit.services,
    stores: hit.stores,
    outside: hit.outside,
    failing: failingServices(edges, target),
    requests: requestsMet(evidence, ran),
    journeys: evidence.journeys.filter(({ intendedMs }) => isWithinAny(windows, intendedMs)).length,
    ...(calls.length === 0 ? {} : { calls: calls.reduce((sum, count) => sum + count, 0) }),
    ...(lengthsMs.length === 0 ? {} : { longestFaultMs: Math.max(...lengthsMs) }),
  };
}

interface RanFault {
  readonly fault: Fault;
  readonly told: FaultSummary;
  /** In epoch milliseconds. */
  readonly window: Window;
}

/** Who made calls of which a larger share failed in the fault phase than in the baseline: the most failed first. */
function failingServices(edges: readonly EdgeSummary[], target: Target): TouchedRadius["failing"] {
  return Object.keys(target.services)
    .map((service) => {
      const made = edges.filter(({ caller }) => caller === service);
      const sum = (phase: "baseline" | "fault", of: "calls" | "errors"): number =>
        made.reduce((total, edge) => total + edge[phase][of], 0);
      const before = sum("baseline", "errors") / Math.max(1, sum("baseline", "calls"));
      return { service, calls: sum("fault", "calls"), failed: sum("fault", "errors"), before };
    })
    .filter(({ calls, failed, before }) => failed > 0 && failed / calls > before)
    .map(({ service, calls, failed }) => ({ service, calls, failed }))
    .toSorted((a, b) => b.failed - a.failed);
}

/** Of the clients' own edge every request is known to have come there; elsewhere only those that left a trace. */
function requestsMet(evidence: RadiusEvidence, ran: readonly RanFault[]): TouchedRadius["requests"] {
  const { target, operations, traces } = evidence;
  const entry = formatEdge({ caller: clientName, callee: target.entry });
  const broken = ran.map(({ fault, window }) => ({ edges: brokenEdges(fault, target), window }));
  let traced = 0;
  let met = 0;
  for (const { sentMs, traceId } of operations) {
    const there = broken.filter(({ window }) => sentMs !== undefined && isWithin(window, sentMs));
    if (there.length === 0) continue;
    const trace = traces.get(traceId ?? "");
    const isAtEntry = there.some(({ edges }) => edges.has(entry));
    if (trace === undefined && !isAtEntry) continue;
    traced += 1;
    if (isAtEntry || (trace !== undefined && there.some(({ edges }) => cameTo(trace, edges, evidence))))
      met += 1;
  }
  return { traced, met };
}

/** The edges that a fault breaks; of a process that is changed, and is not kept from one other part only, all to it. */
function brokenEdges(fault: Fault, target: Target): ReadonlySet<string> {
  const { edges, processes } = touchOf(fault, target);
  const all = edges.length > 0 ? edges : edgesOf(target).filter(({ callee }) => processes.includes(callee));
  return new Set(all.map(formatEdge));
}

function cameTo(
  { nodes }: Trace,
  edges: ReadonlySet<string>,
  { edgeByPort }: Pick<RadiusEvidence, "edgeByPort">,
): boolean {
  return nodes.some((node) => node.span.kind === "client" && edges.has(edgeOfNode(node, edgeByPort)));
}

function isWithinAny(windows: readonly Window[], atMs: number): boolean {
  return windows.some((window) => isWithin(window, atMs));
}

function isWithin({ startMs, endMs }: Window, atMs: number): boolean {
  return atMs >= startMs && atMs < endMs;
}
