import { formatEdge } from "../base/edge.ts";
import type { Fault } from "../experiment/experiment.ts";
import { bandwidth } from "./bandwidth.ts";
import { down } from "./down.ts";
import type { FaultSite } from "./fault-kind.ts";
import { latency } from "./latency.ts";
import { limitData } from "./limit-data.ts";
import { resetPeer } from "./reset-peer.ts";
import { slicer } from "./slicer.ts";
import { slowClose } from "./slow-close.ts";
import { timeout } from "./timeout.ts";

/**
 * Faults: what is broken on an edge, and how. Each kind is a file; here they meet.
 *
 *   Fault ─inject→ (lease held by the engine's heartbeat) ─undo = end of the lease→ gone
 *
 * A fault lives under a lease of the proxy. Whoever injects it keeps the lease alive; when that ends, on purpose or
 * because the injector died, the proxy ends the fault.
 */

/** Puts a fault on its edge. @throws {SQUALL_PROXY} when the proxy refuses it */
export async function injectFault(fault: Fault, site: FaultSite): Promise<void> {
  switch (fault.kind) {
    case "latency":
      return latency.apply(fault, site);
    case "bandwidth":
      return bandwidth.apply(fault, site);
    case "timeout":
      return timeout.apply(fault, site);
    case "reset-peer":
      return resetPeer.apply(fault, site);
    case "slicer":
      return slicer.apply(fault, site);
    case "limit-data":
      return limitData.apply(fault, site);
    case "slow-close":
      return slowClose.apply(fault, site);
    case "down":
      return down.apply(fault, site);
  }
}

/** "latency of 3 s ± 500 ms on payment -> gateway-a" */
export function describeFault(fault: Fault): string {
  return `${describeKind(fault)} on ${formatEdge(fault.edge)}`;
}

function describeKind(fault: Fault): string {
  switch (fault.kind) {
    case "latency":
      return latency.describe(fault);
    case "bandwidth":
      return bandwidth.describe(fault);
    case "timeout":
      return timeout.describe(fault);
    case "reset-peer":
      return resetPeer.describe(fault);
    case "slicer":
      return slicer.describe(fault);
    case "limit-data":
      return limitData.describe(fault);
    case "slow-close":
      return slowClose.describe(fault);
    case "down":
      return down.describe(fault);
  }
}
