import type { Fault } from "../experiment/experiment.ts";
import { isEdgeFault, nameOfFault, namedBefore } from "../experiment/fault.ts";
import { placeOnProxy } from "../faults/fault-kind.ts";

/** A fault that a run puts in place: `f1`, `f2`, … in the experiment's order. */
export interface PlannedFault {
  /** Also the name of its toxic: the proxy's draws depend on that, so it is the same in every run. */
  readonly id: string;
  readonly fault: Fault;
  /** Under which a fault of an edge lives. */
  readonly lease: string;
  /** Where a fault of an edge is found on the proxy's API: "order->payment/f1"; one place may have several, in turn. */
  readonly place?: string;
}

/** Ids and leases of an experiment's faults; a lease is named after the run, so that two runs never share one. */
export function planFaults(run: string, faults: readonly Fault[]): readonly PlannedFault[] {
  return faults.map((fault, index) => {
    const id = `f${index + 1}`;
    const lease = `${run}-${id}`;
    return { id, fault, lease, ...(isEdgeFault(fault) ? { place: placeOnProxy(fault, id) } : {}) };
  });
}

/** Each fault after the one that it waits for: before that one is there, the proxy knows only its namesake of old. */
export function inOrderOfWaiting(planned: readonly PlannedFault[]): readonly PlannedFault[] {
  const ordered = new Set<PlannedFault>();
  const add = (one: PlannedFault): void => {
    const before = namedBefore(one.fault);
    for (const other of planned)
      if (before !== undefined && nameOfFault(other.fault) === before && !ordered.has(other)) add(other);
    ordered.add(one);
  };
  planned.forEach(add);
  return [...ordered];
}
