import { z } from "zod";
import { formatAddress, type Address } from "../base/address.ts";
import { callJson } from "../base/call-json.ts";
import type { Edge } from "../base/edge.ts";
import { SquallError } from "../base/errors.ts";
import { waitAtMost } from "../base/wait.ts";
import type { Target } from "../target/target.ts";
import type { FleetEdge } from "./runtime.ts";

/** What the proxies on the edges to a service know of its replicas, and are told of them. */

/** A replica that has died or hangs is called no more within 2 s: an interval, then two questions without an answer. */
const askEveryMs = 400;
const askTimeoutMs = 500;

const callTimeoutMs = 2_000;

type EdgeProxy = Pick<FleetEdge, "proxy">;

/** Name of the callee's port that an edge leads to. */
export function portOf({ services }: Target, { caller, callee }: Edge): string {
  return services[caller]?.calls[callee]?.port ?? "http";
}

/**
 * How a proxy asks the replicas of an edge's callee whether they are well. At another port than that of HTTP there may be another
 * protocol; there, only a refused connection tells.
 */
export function healthOf(target: Target, edge: Edge) {
  const service = target.services[edge.callee];
  return service === undefined || portOf(target, edge) !== "http"
    ? null
    : { path: service.ready, interval_ms: askEveryMs, timeout_ms: askTimeoutMs };
}

/**
 * Waits until no caller has a connection to what the edges do not lead to any more.
 * @returns how many are left when the time is over
 */
export async function drained(
  proxyApi: string,
  edges: readonly EdgeProxy[],
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
  edges: readonly EdgeProxy[],
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

const proxySchema = z.object({
  upstream: z.string(),
  upstreams: z.array(z.object({ address: z.string(), state: z.enum(["up", "down"]), connections: z.int() })),
  draining: z.array(z.object({ address: z.string(), connections: z.int() })),
});

/**
 * A proxy as it is, or as a change makes it.
 * @throws {SQUALL_PROXY} @throws {SQUALL_UNSUPPORTED} when it is no proxy of ours: others lead to one address
 */
export async function callProxy(proxyApi: string, method: "GET" | "PATCH", proxy: string, body?: unknown) {
  const server = {
    name: "the proxy",
    url: proxyApi,
    code: "SQUALL_PROXY",
    timeoutMs: callTimeoutMs,
  } as const;
  const answer = await callJson(server, method, `/proxies/${encodeURIComponent(proxy)}`, body);
  const { success, data } = proxySchema.safeParse(answer);
  if (success) return data;
  throw new SquallError(
    "SQUALL_UNSUPPORTED",
    `the proxy ${proxy} leads to one address: it knows no replicas`,
    {
      hint: "Squall's own proxy does: docs/proxy.md#several-upstreams",
    },
  );
}
