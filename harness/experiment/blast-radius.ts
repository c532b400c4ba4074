import { formatEdge, type Edge } from "../base/edge.ts";
import { clientName, edgesOf, kindOf, type Target } from "../target/target.ts";
import type { Experiment } from "./experiment.ts";
import { largestShare, shareOf } from "./fault-share.ts";
import { endMsOf } from "./fault-time.ts";
import { isCallFault, type Fault } from "./fault.ts";
import { namesTouched, servicesTouched, touchOf, type Touch } from "./touch.ts";

/** What an experiment may harm at worst. */
export interface BlastRadius {
  /** Edges that are broken, "payment -> gateway-a". */
  readonly edges: readonly string[];
  /** Services and stores whose processes are changed, and by which kinds of faults. */
  readonly processes: readonly { readonly process: string; readonly kinds: readonly Fault["kind"][] }[];
  /** Services that are hit at first hand: whose calls are broken, whose process is changed, whose store is. */
  readonly services: readonly string[];
  /** Stores and parts of the outside world at an end of what is broken. */
  readonly stores: readonly string[];
  readonly outside: readonly string[];
  /** Services that may feel it: those that are hit, their callers, and so on up to the client. */
  readonly reached: readonly string[];
  /** Services that cannot feel it by way of a call that waits for an answer. */
  readonly untouched: readonly string[];
  /** Which share of the calls, or connections, of any one edge is taken at most; 1 where a process is changed. */
  readonly largestShareRatio: number;
  readonly traffic: TrafficShare;
  /** How long a fault lasts at most, in milliseconds. */
  readonly longestFaultMs: number;
  /** How many calls all faults together act on at most; `undefined` where nothing limits that. */
  readonly mostCalls?: number;
  /** The same for each fault, in their order: what limits are checked against. */
  readonly faults: readonly FaultRadius[];
}

export interface FaultRadius {
  readonly kind: Fault["kind"];
  /** All that it concerns, as limits name it: parts, and edges as "order -> payment". */
  readonly names: readonly string[];
  readonly lengthMs: number;
}

/**
 * Which share of what clients ask the faults can meet. A target does not say which journeys use which edges, so that it is
 * known only where the faults stand at the entry.
 */
export type TrafficShare =
  | { readonly kind: "known"; readonly of: "calls" | "connections"; readonly ratio: number }
  | { readonly kind: "unknown"; readonly why: string };

/** An estimate from the target's edges alone: what a caller does about a failing callee is what the run will tell. */
export function blastRadius(
  {
    faults,
    phases,
  }: { readonly faults: readonly Fault[]; readonly phases: Pick<Experiment["phases"], "faultMs"> },
  target: Target,
): BlastRadius {
  const touches = faults.map((fault) => ({ fault, touch: touchOf(fault, target) }));
  const whole: Touch = {
    edges: touches.flatMap(({ touch }) => touch.edges),
    processes: touches.flatMap(({ touch }) => touch.processes),
  };
  const services = servicesTouched(whole, target);
  const reached = reachedFrom([...services, ...whole.processes], target);
  const names = Object.keys(target.services);
  const ends = new Set([...whole.edges.map(({ callee }) => callee), ...whole.processes]);
  const mostCalls = faults.reduce((sum, fault) => sum + (shareOf(fault).mostCalls ?? Infinity), 0);
  return {
    edges: [...new Set(whole.edges.map(formatEdge))],
    processes: [...new Set(whole.processes)].map((process) => ({
      process,
      kinds: touches
        .filter(({ touch }) => touch.processes.includes(process))
        .map(({ fault: { kind } }) => kind),
    })),
    services: names.filter((name) => services.includes(name)),
    stores: [...ends].filter((name) => kindOf(target, name) === "store"),
    outside: [...ends].filter((name) => kindOf(target, name) === "outside"),
    reached: names.filter((name) => reached.has(name)),
    untouched: names.filter((name) => !reached.has(name)),
    largestShareRatio:
      whole.processes.length > 0
        ? 1
        : Math.max(0, ...whole.edges.map((edge) => largestShare(faultsOn(edge, touches)))),
    traffic: trafficShare(touches, target),
    longestFaultMs: Math.max(...faults.map((fault) => lengthOf(fault, phases.faultMs))),
    ...(Number.isFinite(mostCalls) ? { mostCalls } : {}),
    faults: touches.map(({ fault, touch }) => ({
      kind: fault.kind,
      names: namesTouched(touch, target),
      lengthMs: lengthOf(fault, phases.faultMs),
    })),
  };
}

interface TouchingFault {
  readonly fault: Fault;
  readonly touch: Touch;
}

/** Whoever calls what feels it may feel it too, and so on. */
function reachedFrom(names: readonly string[], target: Target): ReadonlySet<string> {
  const reached = new Set(names);
  const edges = edgesOf(target);
  for (let before = -1; before !== reached.size;) {
    before = reached.size;
    for (const { caller, callee } of edges) if (reached.has(callee)) reached.add(caller);
  }
  return reached;
}

function trafficShare(touches: readonly TouchingFault[], target: Target): TrafficShare {
  const entry: Edge = { caller: clientName, callee: target.entry };
  if (touches.some(({ touch }) => touch.processes.includes(target.entry)))
    return { kind: "known", of: "connections", ratio: 1 };
  const there = faultsOn(entry, touches);
  const ratio = largestShare(there);
  const inside = touches.find(({ fault }) => !there.includes(fault));
  if (ratio < 1 && inside !== undefined) {
    const [edge] = inside.touch.edges;
    const what = edge === undefined ? inside.touch.processes.join(", ") : formatEdge(edge);
    return { kind: "unknown", why: `the target does not say which journeys need ${what}` };
  }
  if (there.some((fault) => shareOf(fault).isMatched))
    return { kind: "unknown", why: "how many calls match is not known before" };
  if (there.some((fault) => shareOf(fault).mostCalls !== undefined))
    return { kind: "unknown", why: "the faults count calls; of how many is not known before" };
  return { kind: "known", of: there.every(isCallFault) ? "calls" : "connections", ratio };
}

function faultsOn(edge: Edge, touches: readonly TouchingFault[]): readonly Fault[] {
  const name = formatEdge(edge);
  return touches
    .filter(({ touch }) => touch.edges.some((other) => formatEdge(other) === name))
    .map(({ fault }) => fault);
}

function lengthOf(fault: Fault, phaseMs: number): number {
  return Math.min(endMsOf(fault), phaseMs) - (fault.atMs ?? 0);
}
