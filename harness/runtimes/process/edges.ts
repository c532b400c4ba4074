import { formatAddress } from "../../base/address.ts";
import type { Target } from "../../target/target.ts";
import { callProxy, healthOf } from "../edge-upstreams.ts";
import type { FleetEdge } from "../runtime.ts";
import { statusOf } from "./child.ts";
import type { RecordedReplica } from "./fleet-state.ts";
import { upstreamsOf } from "./replicas.ts";

/** The proxies on the edges to a service: where they lead. */

/** What a proxy is told of where its edge leads. @param replicas those of the callee, where it is a service */
export function leadTo(target: Target, edge: FleetEdge, replicas: readonly RecordedReplica[] | undefined) {
  const service = target.services[edge.callee];
  if (service === undefined || replicas === undefined) return { upstream: formatAddress(edge.upstream) };
  return {
    upstreams: upstreamsOf(target, edge, replicas).map(formatAddress),
    health: healthOf(target, edge),
  };
}

/**
 * Has the edges to a service lead to these replicas from now on; connections to others are left alone.
 * @throws {SQUALL_PROXY}
 */
export async function leadEdges(
  proxyApi: string,
  target: Target,
  edges: readonly FleetEdge[],
  replicas: readonly RecordedReplica[],
): Promise<void> {
  await Promise.all(
    edges.map((edge) => callProxy(proxyApi, "PATCH", edge.proxy, leadTo(target, edge, replicas))),
  );
}

/** One that is gone refuses at once. A fleet is not to be ended because its machine is busy. */
const proxyAnswersWithinMs = 5_000;

/** Whether a fleet's proxy answers: without it the fleet is of no use. */
export async function doesProxyAnswer(proxyApi: string): Promise<boolean> {
  try {
    const never = new AbortController().signal;
    return (await statusOf(`${proxyApi}/version`, never, proxyAnswersWithinMs)) === 200;
  } catch {
    return false; // refused, broken or too late: no answer, whichever
  }
}
