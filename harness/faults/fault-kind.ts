import type { Edge } from "../base/edge.ts";
import { formatRatio } from "../base/units.ts";
import type { CallFault, EdgeFault } from "../experiment/fault.ts";
import type { ProxyApi, ToxicSpec } from "./proxy-api.ts";

/** The faults of one kind, as the experiment has them. */
export type FaultOf<K extends EdgeFault["kind"]> = Extract<EdgeFault, { readonly kind: K }>;

/** Where a fault is applied, and the lease it lives under. */
export interface FaultSite {
  readonly api: ProxyApi;
  /** The edge's proxy on the proxy's API: "order->payment". */
  readonly proxy: string;
  /** The name that its toxic gets there; the draws of the proxy depend on it. */
  readonly toxic: string;
  readonly lease: string;
  /** Where another fault is found on the proxy's API, by what `after` calls it: "order->payment/f1". */
  readonly placeOf: (name: string) => string;
}

/**
 * How it shows that a fault is felt, to someone whose proxy does not count what it touches. A call that fails may show any.
 *
 * - `delayed`: a call that crosses lasts `leastMs` or longer
 * - `carried`: whatever crosses is held up by it, by how much its size decides
 * - `kept`: a call that crosses fails, since its bytes never arrive
 * - `ended`: it acts on the end of a connection, which no call shows
 */
export type FaultMark =
  { readonly kind: "delayed"; readonly leastMs: number } | { readonly kind: "carried" | "kept" | "ended" };

/**
 * One kind of fault of an edge: what it is in words, and how it is put on an edge. Nothing here undoes: ending the lease undoes
 * every fault of it, also when this process is dead.
 */
export interface FaultKind<F extends EdgeFault> {
  /** "latency of 3 s ± 500 ms"; what follows is the edge. */
  describe(fault: F): string;
  /** @throws {SQUALL_PROXY} when the proxy refuses it */
  apply(fault: F, site: FaultSite): Promise<void>;
  /** Of what also proxies do that do not count. */
  mark?(fault: F): FaultMark;
}

type ByteFault = Exclude<EdgeFault, CallFault | { readonly kind: "down" }>;

/** A kind of fault that is one toxic of the proxy, on the bytes of connections. */
export function toxicFault<F extends ByteFault>(
  type: ToxicSpec["type"],
  describe: (fault: F) => string,
  attributes: (fault: F) => ToxicSpec["attributes"],
  mark: (fault: F) => FaultMark,
): FaultKind<F> {
  return {
    mark,
    describe: (fault) =>
      [
        describe(fault),
        ...(fault.stream === "upstream" ? ["towards the callee"] : []),
        ...(fault.toxicityRatio < 1 ? [`in ${formatRatio(fault.toxicityRatio)} of connections`] : []),
      ].join(" "),
    apply: (fault, { api, proxy, toxic, lease }) =>
      api.addToxic(proxy, {
        name: toxic,
        type,
        stream: fault.stream,
        toxicity: fault.toxicityRatio,
        attributes: attributes(fault),
        lease,
      }),
  };
}

/** Name of an edge's proxy on the proxy's API. */
export function proxyNameOf({ caller, callee }: Edge): string {
  return `${caller}->${callee}`;
}

/** Where a fault is found on the proxy's API: "order->payment/f1"; a proxy that is down has one fault, of that name. */
export function placeOnProxy({ kind, edge }: Pick<EdgeFault, "kind" | "edge">, toxic: string): string {
  return `${proxyNameOf(edge)}/${kind === "down" ? "down" : toxic}`;
}
