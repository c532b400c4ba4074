import { z } from "zod";
import { formatAddress, type Address } from "../../base/address.ts";
import { callJson } from "../../base/call-json.ts";
import { waitAtMost } from "../../base/wait.ts";
import type { Target } from "../../target/target.ts";
import type { FleetEdge } from "../runtime.ts";
import { statusOf } from "./child.ts";
import type { RecordedReplica } from "./fleet-state.ts";
import { portOf, upstreamsOf } from "./replicas.ts";

/** The proxies on the edges to a service: where they lead, and whether what they led to before is drained. */

/** A replica that has died or hangs is called no more within 2 s: an interval, then two questions without an answer. */
const askEveryMs = 400;
const askTimeoutMs = 500;

const callTimeoutMs = 2_000;

/** What a proxy is told of where its edge leads. @param replicas those of the callee, where it is a service */
export function leadTo(target: Target, edge: FleetEdge, replicas: readonly RecordedReplica[] | undefined) {
  const service = target.services[edge.callee];
  if (service === undefined || replicas === undefined) return { upstream: formatAddress(edge.upstream) };
  const health = { path: service.ready, interval_ms: askEveryMs, timeout_ms: askTimeoutMs };
  return {
    upstreams: upstreamsOf(target, edge, replicas).map(formatAddress),
    // At another port there may be another protocol; there, only a refused connection tells.
    health: portOf(target, edge) === "http" ? health : null,
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

/**
 * Waits until no caller has a connection to what the edges do not lead to any more.
 * @returns how many are left when the time is over
 */
export async function drained(
  proxyApi: string,
  edges: readonly FleetEdge[],
  addresses: readonly Address[],
  withinMs: number,
): Promise<number> {
  const wanted = new Set(addresses.map(formatAddress));
  let left = 0;
  await waitAtMost({ what: "connections to end", withinMs, everyMs: 50 }, async () => {
    const proxies = await Promise.all(edges.map((edge) => callProxy(proxyApi, "GET", edge.proxy)));
    const open = proxies.flatMap(({ draining }) => draining.filter(({ address }) => wanted.has(address)));
    left = open.reduce((sum, { connections }) => sum + connections, 0);
    return left === 0;
  });
  return left;
}

/** What is known of an address at the other end of a proxy. */
export interface UpstreamFigures {
  readonly isUp: boolean;
  readonly connections: number;
}

/** By address, of all edges together. @throws {SQUALL_PROXY} */
export async function upstreamFigures(
  proxyApi: string,
  edges: readonly FleetEdge[],
): Promise<ReadonlyMap<string, UpstreamFigures>> {
  const figures = new Map<string, UpstreamFigures>();
  for (const { upstreams } of await Promise.all(edges.map((edge) => callProxy(proxyApi, "GET", edge.proxy))))
    for (const { address, state, connections } of upstreams) {
      const before = figures.get(address) ?? { isUp: true, connections: 0 };
      figures.set(address, {
        isUp: before.isUp && state === "up",
        connections: before.connections + connections,
      });
    }
  return figures;
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

const proxySchema = z.object({
  upstreams: z.array(z.object({ address: z.string(), state: z.enum(["up", "down"]), connections: z.int() })),
  draining: z.array(z.object({ address: z.string(), connections: z.int() })),
});

async function callProxy(proxyApi: string, method: "GET" | "PATCH", proxy: string, body?: unknown) {
  const server = {
    name: "the proxy",
    url: proxyApi,
    code: "SQUALL_PROXY",
    timeoutMs: callTimeoutMs,
  } as const;
  return proxySchema.parse(await callJson(server, method, `/proxies/${encodeURIComponent(proxy)}`, body));
}
