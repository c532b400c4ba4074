import { fields } from "../base/fields.ts";
import manifest from "../../package.json" with { type: "json" };
import { ApiError } from "./api-error.ts";
import { carriedJson, faultJson, leaseJson, proxyJson, toxicJson } from "./api-json.ts";
import { parseEventStreamOptions, type EventStreams } from "./event-streams.ts";
import type { LeaseBook } from "./lease.ts";
import type { Proxy } from "./proxy.ts";
import { proxyMetrics } from "./proxy-metrics.ts";
import { isAt, type ProxySet } from "./proxy-set.ts";
import { newProxySchema, proxyChangeSchema, proxyListSchema } from "./proxy-spec.ts";
import { parseBody, parseValue } from "./request-body.ts";
import type { Answer, Route } from "./router.ts";
import type { Toxic } from "./toxic.ts";
import { newToxicSchema, toxicChangeSchema, ttlSchema } from "./toxic-spec.ts";

/**
 * Toxiproxy's HTTP API over our proxies, and our extensions: leases and times to live, by which faults end by themselves,
 * evidence of what each fault has touched, and events as they happen. docs/proxy.md is its description.
 */

export interface ApiOptions {
  readonly proxies: ProxySet;
  readonly leases: LeaseBook;
  readonly streams: EventStreams;
  /** How long a lease lives that does not say, in milliseconds. */
  readonly defaultTtlMs: number;
}

export function apiRoutes({ proxies, leases, streams, defaultTtlMs }: ApiOptions): readonly Route[] {
  const metrics = proxyMetrics(proxies);
  return [
    {
      path: "/proxies",
      GET: () => ok(Object.fromEntries(proxies.proxies.map((proxy) => [proxy.name, proxyJson(proxy)]))),
      POST: async ({ body }) => {
        const spec = parseBody(newProxySchema, body);
        return { status: 201, body: proxyJson(await proxies.create(spec)) };
      },
    },
    {
      path: "/proxies/:proxy",
      GET: ({ names }) => ok(proxyJson(proxies.get(names.proxy))),
      POST: ({ names, body }) => updateProxy(proxies.get(names.proxy), body),
      PATCH: ({ names, body }) => updateProxy(proxies.get(names.proxy), body),
      DELETE: ({ names }) => {
        proxies.remove(proxies.get(names.proxy).name);
        return noContent;
      },
    },
    {
      path: "/proxies/:proxy/toxics",
      GET: ({ names }) => ok(proxies.get(names.proxy).toxics.map(toxicJson)),
      POST: ({ names, body }) => ok(toxicJson(createToxic(proxies.get(names.proxy), body))),
    },
    {
      path: "/proxies/:proxy/toxics/:toxic",
      GET: ({ names }) => ok(toxicJson(toxicOf(proxies.get(names.proxy), names.toxic))),
      POST: ({ names, body }) => ok(updateToxic(proxies.get(names.proxy), names.toxic, body)),
      PATCH: ({ names, body }) => ok(updateToxic(proxies.get(names.proxy), names.toxic, body)),
      DELETE: ({ names }) => {
        const proxy = proxies.get(names.proxy);
        proxy.removeToxics([toxicOf(proxy, names.toxic)], "removed");
        return noContent;
      },
    },
    {
      path: "/populate",
      POST: ({ body }) => populate(body),
    },
    {
      path: "/reset",
      POST: async () => {
        await proxies.reset();
        return noContent;
      },
    },
    {
      path: "/version",
      GET: () => ({
        status: 200,
        contentType: "application/json;charset=utf-8",
        body: `{"version": "squall-${manifest.version}"}\n`, // spaced as Toxiproxy's, for those who search the text
      }),
    },
    { path: "/leases", GET: () => ok({ leases: leases.leases.map(leaseJson) }) },
    {
      path: "/leases/:lease",
      PUT: ({ names, body }) => {
        const { ttl_ms } = body.trim() === "" ? {} : parseBody(leaseSchema, body);
        return ok(leaseJson(leases.renew(names.lease, ttl_ms ?? defaultTtlMs)));
      },
      DELETE: async ({ names }) => {
        leases.end(names.lease);
        await proxies.endLease(names.lease, "lease-ended");
        return noContent;
      },
    },
    {
      path: "/evidence",
      GET: () =>
        ok({ proxies: proxies.proxies.map(carriedJson), faults: proxies.ledger.faults.map(faultJson) }),
    },
    {
      path: "/events",
      GET: ({ query, headers }) => {
        const [lastEventId] = [headers["last-event-id"]].flat();
        const options = parseEventStreamOptions(query, lastEventId);
        return {
          status: 200,
          contentType: "text/event-stream",
          stream: (response) => streams.open(response, options),
        };
      },
    },
    {
      path: "/metrics",
      GET: async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.metrics() }),
    },
  ];

  /** As Toxiproxy, says also of a failure what was made before it. */
  async function populate(body: string): Promise<Answer> {
    const populated: Proxy[] = [];
    const made = () => ({ proxies: populated.map(proxyJson) });
    try {
      const specs = parseBody(proxyListSchema, body);
      for (const spec of specs) proxies.requireLeases(spec);
      for (const spec of specs) populated.push(await proxies.createOrReplace(spec));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { message, status } = error;
      return { status, body: { error: message, status, ...made() } };
    }
    return { status: 201, body: made() };
  }

  async function updateProxy(proxy: Proxy, body: string) {
    const change = parseBody(proxyChangeSchema, body);
    const { enabled } = change;
    const lease = change.lease ?? undefined;
    refuseOther("name", change.name, proxy.name);
    if (lease !== undefined) leases.require(lease);
    const listen = change.listen ?? proxy.listen;
    const upstream = change.upstream ?? proxy.upstream;
    const upstreams = change.upstreams ?? undefined;
    if (!(await isAt(proxy, { listen, upstream, upstreams })))
      await proxy.move(
        listen,
        upstreams ?? (proxy.upstreams.has(upstream) ? proxy.upstreams.addresses : [upstream]),
      );
    else if (upstreams !== undefined) proxy.lead(upstreams);
    if (change.cut_removed === true) proxy.cutDraining();
    if (change.health !== undefined) proxy.check(change.health ?? undefined);
    if (enabled === true) await proxy.enable("removed");
    if (enabled === false) {
      if (lease !== undefined) leases.require(lease); // it may have expired while the proxy moved
      proxy.disable({ lease, ttlMs: change.ttl_ms ?? undefined });
    }
    return ok(proxyJson(proxy));
  }

  function createToxic(proxy: Proxy, body: string): Toxic {
    const options = parseBody(newToxicSchema, body);
    if (options.lease !== undefined) leases.require(options.lease);
    return proxy.addToxic(options);
  }

  function updateToxic(proxy: Proxy, name: string, body: string) {
    const toxic = toxicOf(proxy, name);
    const change = parseBody(toxicChangeSchema, body);
    for (const field of ["name", "type", "stream", "lease"] as const)
      refuseOther(field, change[field], toxic[field]);
    const attributes = parseValue(toxic.kind.attributes, { ...toxic.attributes, ...change.attributes }, [
      "attributes",
    ]);
    proxy.updateToxic(toxic, change.toxicity ?? toxic.toxicity, attributes);
    const ttlMs = change.ttl_ms ?? undefined;
    if (ttlMs !== undefined) proxy.expireToxic(toxic, ttlMs);
    return toxicJson(toxic);
  }
}

const noContent = { status: 204 } as const;

function ok(body: unknown) {
  return { status: 200, body } as const;
}

function toxicOf(proxy: Proxy, name: string): Toxic {
  const toxic = proxy.toxic(name);
  if (!toxic) throw new ApiError(404, "toxic not found");
  return toxic;
}

/** What cannot be changed may be sent along, as published clients do. @throws {ApiError} 400 when it differs */
function refuseOther(field: string, given: string | null | undefined, present: string | undefined): void {
  if (given === undefined || given === null || given === present) return;
  throw new ApiError(
    400,
    `bad request body: ${field}: cannot be changed, expected ${JSON.stringify(present ?? null)}, got ${JSON.stringify(given)}`,
  );
}

const leaseSchema = fields({ ttl_ms: ttlSchema.optional() });
