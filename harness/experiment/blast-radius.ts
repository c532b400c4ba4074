import { formatEdge } from "../base/edge.ts";
import { edgesOf, type Target } from "../target/target.ts";
import type { Experiment } from "./experiment.ts";
import { endMsOf } from "./fault-time.ts";
import { isCallFault, isEdgeFault, type Fault } from "./fault.ts";

/** What an experiment may harm at worst. */
export interface BlastRadius {
  /** Edges that are broken, "payment -> gateway-a". */
  readonly edges: readonly string[];
  /** Services and stores that are killed. */
  readonly processes: readonly string[];
  /** Those that may feel it: whoever is killed or calls over a broken edge, their callers, and so on up to the client. */
  readonly services: readonly string[];
  /** Parts that cannot feel it by way of a call that waits for an answer. */
  readonly untouched: readonly string[];
  /** How long a fault lasts at most, in milliseconds. */
  readonly longestFaultMs: number;
  /** How many calls all faults together act on at most; `undefined` where nothing limits that. */
  readonly mostCalls?: number;
}

/** An estimate from the target's edges alone: what a caller does about a failing callee is what the run will tell. */
export function blastRadius(experiment: Experiment, target: Target): BlastRadius {
  const broken = experiment.faults.filter(isEdgeFault).map(({ edge }) => edge);
  const killed = experiment.faults.flatMap((fault) => (fault.kind === "kill" ? [fault.process] : []));
  const touched = new Set([...broken.map(({ caller }) => caller), ...killed]);
  const edges = edgesOf(target);
  for (let before = -1; before !== touched.size;) {
    before = touched.size;
    for (const { caller, callee } of edges) if (touched.has(callee)) touched.add(caller);
  }
  const names = Object.keys(target.services);
  const mostCalls = experiment.faults.reduce((sum, fault) => sum + mostCallsOf(fault), 0);
  return {
    edges: [...new Set(broken.map(formatEdge))],
    processes: [...new Set(killed)],
    services: names.filter((name) => touched.has(name)),
    untouched: names.filter((name) => !touched.has(name)),
    longestFaultMs: Math.max(...experiment.faults.map((fault) => lengthOf(fault, experiment.phases.faultMs))),
    ...(Number.isFinite(mostCalls) ? { mostCalls } : {}),
  };
}

function lengthOf(fault: Fault, phaseMs: number): number {
  return Math.min(endMsOf(fault), phaseMs) - (fault.atMs ?? 0);
}

function mostCallsOf(fault: Fault): number {
  if (!isCallFault(fault)) return Infinity;
  return fault.calls.nth === undefined ? (fault.calls.times ?? Infinity) : 1;
}
