import type { EdgeFault } from "../experiment/fault.ts";
import { injectFault } from "../faults/fault.ts";
import { proxyNameOf } from "../faults/fault-kind.ts";
import type { FaultEvidence, ProxyApi } from "../faults/proxy-api.ts";
import type { PlannedFault } from "./fault-plan.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Ended, Injection } from "./injection.ts";

/** Deadline for the undo of a fault of an edge; the proxy's own lease ends it when this one fails. */
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
  await heartbeat.hold(lease);
  return {
    undo: { kind: "end-lease", proxyApi: proxy.url, lease },
    undoWithinMs,
    isMomentary: false,
    async begin() {
      await injectFault(fault, { api: proxy, proxy: proxyNameOf(fault.edge), toxic: id, lease, placeOf });
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
  const sum = (of: (fault: FaultEvidence) => number): number =>
    faults.reduce((total, fault) => total + of(fault), 0);
  const count = (of: "matched" | "drawn" | "affected") => ({
    requests: sum((fault) => fault[of].requests),
    connections: sum((fault) => fault[of].connections),
  });
  return {
    hasExpired: faults.some(({ ended_by }) => ended_by === "lease-expired"),
    matched: count("matched"),
    drawn: count("drawn"),
    affected: { ...count("affected"), bytes: sum(({ affected }) => affected.bytes) },
    unreadableConnections: sum(({ unreadable_connections }) => unreadable_connections),
  };
}
