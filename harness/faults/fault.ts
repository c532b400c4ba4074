import { formatEdge } from "../base/edge.ts";
import { formatDuration } from "../base/units.ts";
import { isEdgeFault, isProcessFault, type EdgeFault, type Fault } from "../experiment/fault.ts";
import { bandwidth } from "./bandwidth.ts";
import { down } from "./down.ts";
import type { FaultKind, FaultMark, FaultOf, FaultSite } from "./fault-kind.ts";
import { httpAbort } from "./http-abort.ts";
import { httpCorrupt } from "./http-corrupt.ts";
import { httpDelay } from "./http-delay.ts";
import { httpDuplicate } from "./http-duplicate.ts";
import { httpHeader } from "./http-header.ts";
import { httpLostResponse } from "./http-lost-response.ts";
import { httpRateLimit } from "./http-rate-limit.ts";
import { httpStatus } from "./http-status.ts";
import { httpTruncate } from "./http-truncate.ts";
import { latency } from "./latency.ts";
import { limitData } from "./limit-data.ts";
import { pgDelay } from "./pg-delay.ts";
import { pgError } from "./pg-error.ts";
import { describeProcessFault } from "./process-fault.ts";
import { resetPeer } from "./reset-peer.ts";
import { slicer } from "./slicer.ts";
import { slowClose } from "./slow-close.ts";
import { timeout } from "./timeout.ts";

/**
 * Faults: what is broken on an edge, and how. Each kind is a file; here they meet. Those of processes: process-fault.ts.
 *
 *   Fault ─inject→ (lease held by the engine's heartbeat) ─undo = end of the lease→ gone
 *
 * A fault lives under a lease of the proxy. Whoever injects it keeps the lease alive; when that ends, on purpose or
 * because the injector died, the proxy ends the fault.
 */

type Kinds = { readonly [K in EdgeFault["kind"]]: FaultKind<FaultOf<K>> };

const kinds: Kinds = {
  latency,
  bandwidth,
  timeout,
  "reset-peer": resetPeer,
  slicer,
  "limit-data": limitData,
  "slow-close": slowClose,
  down,
  "http-status": httpStatus,
  "http-delay": httpDelay,
  "http-abort": httpAbort,
  "http-lost-response": httpLostResponse,
  "http-duplicate": httpDuplicate,
  "http-truncate": httpTruncate,
  "http-corrupt": httpCorrupt,
  "http-header": httpHeader,
  "http-rate-limit": httpRateLimit,
  "pg-delay": pgDelay,
  "pg-error": pgError,
};

/** Puts a fault on its edge. @throws {SQUALL_PROXY} when the proxy refuses it */
export function injectFault(fault: EdgeFault, site: FaultSite): Promise<void> {
  return applyOf(fault.kind, fault, site);
}

/**
 * "latency of 3 s ± 500 ms on payment -> gateway-a", "pause of order (SIGSTOP), from 4 s on for 1 s"
 * @param how it is done, once that is known
 */
export function describeFault(fault: Fault, how?: string): string {
  const what = `${whatIs(fault)}${how === undefined ? "" : ` (${how})`}`;
  const { atMs, forMs } = fault;
  const when = [
    ...(atMs === undefined ? [] : [`from ${formatDuration(atMs)} on`]),
    ...(forMs === undefined ? [] : [`for ${formatDuration(forMs)}`]),
  ];
  return when.length === 0 ? what : `${what}, ${when.join(" ")}`;
}

function whatIs(fault: Fault): string {
  if (isEdgeFault(fault)) return `${describeOf(fault.kind, fault)} on ${formatEdge(fault.edge)}`;
  if (isProcessFault(fault)) return describeProcessFault(fault);
  return `${fault.count} ${fault.count === 1 ? "replica" : "replicas"} of ${fault.service}`;
}

/** How it shows that this fault is felt, where the proxy does not count it; `undefined` where only a proxy that does can do it. */
export function markOf(fault: EdgeFault): FaultMark | undefined {
  return markOfKind(fault.kind, fault);
}

function markOfKind<K extends EdgeFault["kind"]>(kind: K, fault: FaultOf<K>): FaultMark | undefined {
  return kinds[kind].mark?.(fault);
}

function applyOf<K extends EdgeFault["kind"]>(kind: K, fault: FaultOf<K>, site: FaultSite): Promise<void> {
  return kinds[kind].apply(fault, site);
}

function describeOf<K extends EdgeFault["kind"]>(kind: K, fault: FaultOf<K>): string {
  return kinds[kind].describe(fault);
}
