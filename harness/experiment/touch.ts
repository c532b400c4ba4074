import { formatEdge, type Edge } from "../base/edge.ts";
import { clientName, edgesOf, kindOf, type Target } from "../target/target.ts";
import type { Fault } from "./fault.ts";

/** What one fault acts on at first hand. */
export interface Touch {
  readonly edges: readonly Edge[];
  /** Services and stores whose processes it changes: killed, held still, limited, … */
  readonly processes: readonly string[];
}

/**
 * What a fault acts on, by what it names: an edge; a process, perhaps kept from one other part or from its name; a service
 * whose replicas come or go. A kind of fault that names things so needs nothing here.
 */
export function touchOf(fault: Fault, target: Target): Touch {
  const named: Readonly<Record<string, unknown>> = { ...fault };
  const partAt = (key: string): string | undefined => {
    const name = named[key];
    return typeof name === "string" && kindOf(target, name) !== undefined ? name : undefined;
  };
  const process = partAt("process") ?? partAt("service");
  if ("edge" in fault) return { edges: [fault.edge], processes: [] };
  if (process === undefined) throw new Error(`a fault of kind ${fault.kind} names nothing that it acts on`);
  const peer = partAt("from") ?? partAt("callee");
  const edges = edgesOf(target).filter(
    ({ caller, callee }) =>
      (caller === process && callee === peer) || (caller === peer && callee === process),
  );
  return { edges, processes: [process] };
}

/** Services that feel a touch first: whose calls are broken, whose process is changed, whose store is. */
export function servicesTouched({ edges, processes }: Touch, target: Target): readonly string[] {
  const isService = (name: string): boolean => kindOf(target, name) === "service";
  const touched = [
    // Clients are no service: what breaks their edge breaks the entry.
    ...edges.map(({ caller, callee }) => (caller === clientName ? callee : caller)),
    ...processes.flatMap((name) => (isService(name) ? [name] : callersOf(name, target))),
  ];
  return [...new Set(touched.filter(isService))];
}

/** All that a touch concerns, as limits name it: its edges with both their ends, its processes, its services. */
export function namesTouched(touch: Touch, target: Target): readonly string[] {
  const names = [
    ...touch.edges.flatMap((edge) => [formatEdge(edge), edge.caller, edge.callee]),
    ...touch.processes,
    ...servicesTouched(touch, target),
  ];
  return [...new Set(names)];
}

function callersOf(name: string, target: Target): readonly string[] {
  return edgesOf(target)
    .filter(({ callee }) => callee === name)
    .map(({ caller }) => caller);
}
