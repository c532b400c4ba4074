import { formatEdge } from "../base/edge.ts";
import { unknownName } from "../base/fields.ts";
import { overlap, type FaultTime } from "./fault-time.ts";
import {
  isCallFault,
  isEdgeFault,
  isProcessFault,
  nameOfFault,
  namedBefore,
  partOf,
  type EdgeFault,
  type Fault,
} from "./fault.ts";
import { conflictOnProcess, excludingTime } from "./process-fault.ts";

/** What the faults of an experiment allow one by one and not together. */
export interface FaultProblem {
  /** Which of the faults, and where in it. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export function* faultProblems(faults: readonly Fault[]): Generator<FaultProblem> {
  for (const [index, fault] of faults.entries()) {
    const earlier = faults.slice(0, index);
    const conflict = earlier.map((one) => conflictOf(one, fault)).find((message) => message !== undefined);
    if (conflict !== undefined) yield { path: [index], message: conflict };
    const name = nameOfFault(fault);
    if (name !== undefined && earlier.some((other) => nameOfFault(other) === name))
      yield { path: [index, fault.kind, "name"], message: `another fault is called "${name}"` };
    const message = waitProblem(faults, fault);
    if (message !== undefined) yield { path: [index, fault.kind, "after"], message };
  }
}

/** Why two faults cannot be in place together: they would be the same, or one leaves the other nothing to act on. */
function conflictOf(one: Fault, other: Fault): string | undefined {
  if (!overlap(timeOf(one), timeOf(other))) return undefined;
  if (isEdgeFault(one) || isEdgeFault(other))
    return isEdgeFault(one) && isEdgeFault(other) ? conflictOnEdge(one, other) : undefined;
  if (isProcessFault(one) && isProcessFault(other)) return conflictOnProcess(one, other);
  // Which of a service's processes is meant changes with their number.
  return partOf(one) === partOf(other) ? `the replicas of ${partOf(one)} are already changed` : undefined;
}

function timeOf(fault: Fault): FaultTime {
  return isProcessFault(fault) ? excludingTime(fault) : fault;
}

function conflictOnEdge(one: EdgeFault, other: EdgeFault): string | undefined {
  const name = formatEdge(one.edge);
  if (name !== formatEdge(other.edge)) return undefined;
  if (one.kind === "down" || other.kind === "down") {
    const second = one.kind === "down" ? other.kind : one.kind;
    return `down leaves no connection on ${name} for ${second}`;
  }
  if (one.kind !== other.kind || streamOf(one) !== streamOf(other)) return undefined;
  if (!isCallFault(one) || !isCallFault(other)) return `${one.kind} is already on ${name} (${streamOf(one)})`;
  return JSON.stringify(one.calls) === JSON.stringify(other.calls)
    ? `${one.kind} is already on ${name} for the same calls`
    : undefined;
}

function streamOf(fault: Fault): string | undefined {
  return "stream" in fault ? fault.stream : undefined;
}

/** Why a fault cannot wait for the one that it names: there is none yet, or that one waits for this one in turn. */
function waitProblem(faults: readonly Fault[], fault: Fault): string | undefined {
  const before = namedBefore(fault);
  if (before === undefined) return undefined;
  const byName = new Map(
    faults.flatMap((one) => {
      const name = nameOfFault(one);
      return name === undefined ? [] : [[name, one] as const];
    }),
  );
  const awaited = byName.get(before);
  if (awaited === undefined) return unknownName("fault", before, [...byName.keys()]);
  if ((awaited.atMs ?? 0) > (fault.atMs ?? 0)) return `"${before}" begins later than this fault`;
  const passed = new Set<Fault>();
  for (let next = byName.get(before); next !== undefined && !passed.has(next);) {
    if (next === fault) return `"${before}" waits for this fault in turn: neither would ever act`;
    passed.add(next);
    next = byName.get(namedBefore(next) ?? "");
  }
  return undefined;
}
