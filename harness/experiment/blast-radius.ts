import { formatEdge } from "../base/edge.ts";
import { edgesOf, type Target } from "../target/target.ts";
import type { Experiment } from "./experiment.ts";
import { isCallFault, type Fault } from "./fault.ts";

/** What an experiment may harm at worst. */
export interface BlastRadius {
  /** Edges that are broken, "payment -> gateway-a". */
  readonly edges: readonly string[];
  /** Parts whose callers may feel it: those that call over a broken edge, their callers, and so on up to the client. */
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
  const touched = new Set(experiment.faults.map(({ edge }) => edge.caller));
  const edges = edgesOf(target);
  for (let before = -1; before !== touched.size;) {
    before = touched.size;
    for (const { caller, callee } of edges) if (touched.has(callee)) touched.add(caller);
  }
  const names = Object.keys(target.services);
  const mostCalls = experiment.faults.reduce((sum, fault) => sum + mostCallsOf(fault), 0);
  return {
    edges: [...new Set(experiment.faults.map(({ edge }) => formatEdge(edge)))],
    services: names.filter((name) => touched.has(name)),
    untouched: names.filter((name) => !touched.has(name)),
    longestFaultMs: experiment.phases.faultMs,
    ...(Number.isFinite(mostCalls) ? { mostCalls } : {}),
  };
}

function mostCallsOf(fault: Fault): number {
  if (!isCallFault(fault)) return Infinity;
  return fault.calls.nth === undefined ? (fault.calls.times ?? Infinity) : 1;
}

/** How long the load lasts, in milliseconds: all phases together. */
export function loadDurationMs({ phases }: Experiment): number {
  return phases.warmupMs + phases.baselineMs + phases.faultMs + phases.recoveryMs;
}
