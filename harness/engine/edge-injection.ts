import type { EdgeFault } from "../experiment/fault.ts";
import { injectFault } from "../faults/fault.ts";
import { proxyNameOf } from "../faults/fault-kind.ts";
import { isCounted, type CountedFault, type FaultEvidence, type ProxyApi } from "../faults/proxy-api.ts";
import type { Touched } from "../record/journal.ts";
import type { PlannedFault } from "./fault-plan.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Ended, Injection } from "./injection.ts";

/** Deadline for the undo of a fault of an edge; where the proxy has leases, that ends it when this one fails. */
const undoWithinMs = 3_000;

interface EdgeInjectionOptions extends Pick<PlannedFault, "id" | "lease"> {
  readonly fault: EdgeFault;
  readonly proxy: ProxyApi;
  readonly heartbeat: Heartbeat;
  /** Where another fault is found on the proxy's API. */
  readonly placeOf: (name: string) => string;
}

/** Takes the lease that a fault of an edge will live under. @throws {SQUALL_PROXY} when the proxy does not grant it */
export async function edgeInjection(options: EdgeInjectionOptions): Promise<Injection> {
  const { id, fault, lease, proxy, heartbeat, placeOf } = options;
  const name = proxyNameOf(fault.edge);
  await heartbeat.hold(lease);
  return {
    undo: proxy.undoOf({ kind: fault.kind, proxy: name, lease }),
    undoWithinMs,
    isMomentary: false,
    async begin() {
      await injectFault(fault, { api: proxy, proxy: name, toxic: id, lease, placeOf });
      return undefined;
    },
    async end() {
      heartbeat.release(lease);
      await proxy.endLease(lease);
      return countedFor(lease, proxy);
    },
  };
}

/**
 * What the proxy counted for an ended lease, and whether that had expired before it was ended. Without an answer the fault is
 * undone all the same, only uncounted: then traces and fault log alone can show that it was felt.
 */
async function countedFor(lease: string, proxy: ProxyApi): Promise<Ended> {
  let faults: readonly FaultEvidence[];
  try {
    faults = (await proxy.evidence()).faults.filter((fault) => fault.lease === lease);
  } catch {
    return {};
  }
  const hasExpired = faults.some(({ ended_by }) => ended_by === "lease-expired");
  return { hasExpired, ...(proxy.counts ? countsOf(faults.filter(isCounted)) : bytesOf(faults)) };
}

function countsOf(faults: readonly CountedFault[]): Touched {
  const sum = (of: (fault: CountedFault) => number): number =>
    faults.reduce((total, fault) => total + of(fault), 0);
  const count = (of: "matched" | "drawn" | "affected") => ({
    requests: sum((fault) => fault[of].requests),
    connections: sum((fault) => fault[of].connections),
  });
  return {
    matched: count("matched"),
    drawn: count("drawn"),
    affected: { ...count("affected"), bytes: sum(({ affected }) => affected.bytes) },
    unreadableConnections: sum(({ unreadable_connections }) => unreadable_connections),
  };
}

/** A proxy that does not count faults has one for each lease. */
function bytesOf([fault]: readonly FaultEvidence[]): Touched {
  if (fault === undefined || isCounted(fault)) return {};
  const { ended_bytes: endedBytes, lost_bytes: lostBytes } = fault;
  return { ...(endedBytes !== undefined && { endedBytes }), ...(lostBytes !== undefined && { lostBytes }) };
}
