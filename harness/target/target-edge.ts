import type { Edge } from "../base/edge.ts";
import { clientName, edgesOf, type Target } from "./target.ts";

/** An edge, and what is spoken on it, as far as the target says. */
export interface TargetEdge extends Edge {
  /** "http", "postgresql", "smtp", …: the kind of a store, else the scheme of the call's value, else its port's name. */
  readonly protocol: string;
}

/** Every edge of a target with its protocol, the clients' first. */
export function targetEdges(target: Target): readonly TargetEdge[] {
  return edgesOf(target).map((edge) => ({ ...edge, protocol: protocolOf(target, edge) }));
}

function protocolOf({ services, stores }: Target, { caller, callee }: Edge): string {
  if (caller === clientName) return "http";
  const store = stores[callee];
  if (store !== undefined) return store.kind;
  const call = services[caller]?.calls[callee];
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(call?.value ?? "")?.[1];
  return scheme?.toLowerCase() ?? call?.port ?? "http";
}
