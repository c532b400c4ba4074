import { z } from "zod";
import { formatAddress, parseAddress, type Address } from "../base/address.ts";
import { systemClock } from "../base/clock.ts";
import { fields } from "../base/fields.ts";
import manifest from "../../package.json" with { type: "json" };
import { ApiError } from "./api-error.ts";
import type { Fault } from "./fault-ledger.ts";
import type { Lease, LeaseBook } from "./lease.ts";
import type { Proxy } from "./proxy.ts";
import { isAt, type ProxySet } from "./proxy-set.ts";
import { parseBody, parseValue } from "./request-body.ts";
import type { Route } from "./router.ts";
import type { AnyToxicKind, Stream, Toxic } from "./toxic.ts";
import { toxicKinds } from "./toxics/registry.ts";
import { longestMs, wholeNumber } from "./toxics/toxic-kind.ts";

/**
 * Toxiproxy's HTTP API over our proxies, and two extensions: leases, under which faults end by themselves, and evidence
 * of what each fault has touched. docs/proxy.md is its description.
 */

export interface ApiOptions {
  readonly proxies: ProxySet;
  readonly leases: LeaseBook;
  /** How long a lease lives that does not say, in milliseconds. */
  readonly defaultTtlMs: number;
}

export function apiRoutes({ proxies, leases, defaultTtlMs }: ApiOptions): readonly Route[] {
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
      POST: async ({ body }) => {
        const specs = parseBody(z.array(newProxySchema), body);
        const twice = specs.find(({ name }, index) => specs.findIndex((spec) => spec.name === name) < index);
        if (twice)
          throw new ApiError(400, `bad request body: duplicate proxy name ${JSON.stringify(twice.name)}`);
        const populated: Proxy[] = [];
        for (const spec of specs) populated.push(await proxies.createOrReplace(spec));
        return { status: 201, body: { proxies: populated.map(proxyJson) } };
      },
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
        body: { version: `squall-${manifest.version}` },
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
  ];

  async function updateProxy(proxy: Proxy, body: string) {
    const change = parseBody(proxyChangeSchema, body);
    const { enabled, lease } = change;
    refuseOther("name", change.name, proxy.name);
    if (lease !== undefined) {
      if (enabled !== false)
        throw new ApiError(400, 'bad request body: lease: expected only together with "enabled": false');
      leases.require(lease);
    }
    const listen = change.listen ?? proxy.listen;
    const upstream = change.upstream ?? proxy.upstream;
    if (!(await isAt(proxy, { listen, upstream }))) await proxy.move(listen, upstream);
    if (enabled === true) await proxy.enable("removed");
    if (enabled === false) {
      if (lease !== undefined) leases.require(lease); // it may have expired while the proxy moved
      proxy.disable(lease);
    }
    return ok(proxyJson(proxy));
  }

  function createToxic(proxy: Proxy, body: string): Toxic {
    const given = parseBody(newToxicSchema, body);
    const { type, toxicity, lease } = given;
    const wanted = given.stream === undefined ? undefined : streamOf(given.stream);
    const kind = kindOf(type);
    const [usual, ...others] = kind.protocol === undefined ? bothStreams : kind.streams;
    const stream = wanted ?? usual;
    if (stream !== usual && !others.includes(stream))
      throw new ApiError(400, `stream was invalid, ${type} can only be ${usual}, got "${stream}"`);
    const attributes = parseValue(kind.attributes, given.attributes ?? {}, ["attributes"]);
    if (lease !== undefined) leases.require(lease);
    const name = given.name ? given.name : `${type}_${stream}`;
    return proxy.addToxic({ name, type, kind, stream, toxicity, attributes, lease });
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

const text = z.string({ error: "expected a text" }).min(1, { error: "expected a text" });
const flag = z.boolean({ error: "expected true or false" });
const addressError = 'expected an address such as "127.0.0.1:5432"';

/** "127.0.0.1:0", or ":0" for all interfaces. */
const listenSchema = address((given) =>
  given.startsWith(":") ? parseAddress(`[::]${given}`) : parseAddress(given),
);
const upstreamSchema = address((given) => {
  const parsed = parseAddress(given);
  return parsed?.port === 0 ? undefined : parsed;
});

function address(parse: (given: string) => Address | undefined) {
  return z
    .string({ error: addressError })
    .min(1, { error: addressError })
    .transform((given, context): Address => {
      const parsed = parse(given);
      if (parsed) return parsed;
      context.addIssue({ code: "custom", message: addressError, input: given });
      return z.NEVER;
    });
}

/** What a client that sends a proxy back as it got it has in `toxics`. */
const noToxics = z
  .array(z.unknown())
  .max(0, { error: "expected none: add toxics with POST /proxies/{proxy}/toxics" })
  .nullish();

const newProxySchema = fields({
  name: text,
  listen: listenSchema.default({ host: "127.0.0.1", port: 0 }),
  upstream: upstreamSchema,
  enabled: flag.nullish().transform((given) => given ?? undefined),
  toxics: noToxics,
});

const proxyChangeSchema = fields({
  name: z.string().nullish(),
  listen: listenSchema.optional(),
  upstream: upstreamSchema.optional(),
  enabled: flag.optional(),
  lease: text.optional(),
  /** Sent along by clients that send the whole proxy; changes nothing. */
  toxics: z.unknown().optional(),
});

const toxicityError = "expected a share of connections from 0 to 1";
const toxicity = z
  .number({ error: toxicityError })
  .min(0, { error: toxicityError })
  .max(1, { error: toxicityError });
const attributes = z.record(z.string(), z.unknown(), { error: "expected a mapping" });

const newToxicSchema = fields({
  name: z.string({ error: "expected a text" }).nullish(),
  type: z.string({ error: "expected a text" }).default(""),
  stream: z.string({ error: "expected a text" }).optional(),
  toxicity: toxicity.default(1),
  attributes: attributes.nullish(),
  lease: text.optional(),
});

const toxicChangeSchema = fields({
  name: z.string().nullish(),
  type: z.string().nullish(),
  stream: z.string().nullish(),
  toxicity: toxicity.optional(),
  attributes: attributes.nullish(),
  lease: z.string().nullish(),
  /** Ours, sent along by clients that send the whole toxic; they change nothing. */
  matched: z.unknown().optional(),
  drawn: z.unknown().optional(),
  affected: z.unknown().optional(),
  unreadable_connections: z.unknown().optional(),
  first_affected_at_ms: z.unknown().optional(),
  last_affected_at_ms: z.unknown().optional(),
});

const leaseSchema = fields({
  ttl_ms: wholeNumber("milliseconds", { from: 1, to: longestMs }).optional(),
});

/** What toxics of bytes can act on; the first is the default. */
const bothStreams: readonly [Stream, ...Stream[]] = ["downstream", "upstream"];

/** @throws {ApiError} 400 */
function kindOf(type: string): AnyToxicKind {
  const kind = toxicKinds.get(type);
  if (kind) return kind;
  const known = [...toxicKinds.keys()].join(", ");
  throw new ApiError(400, `invalid toxic type, expected one of ${known}, got ${JSON.stringify(type)}`);
}

/** @throws {ApiError} 400 */
function streamOf(given: string): Stream {
  const stream = given.toLowerCase();
  if (stream === "upstream" || stream === "downstream") return stream;
  throw new ApiError(
    400,
    `stream was invalid, can be either upstream or downstream, got ${JSON.stringify(given)}`,
  );
}

function proxyJson(proxy: Proxy) {
  return {
    name: proxy.name,
    listen: formatAddress(proxy.listen),
    upstream: formatAddress(proxy.upstream),
    enabled: proxy.isEnabled,
    toxics: proxy.toxics.map(toxicJson),
  };
}

function toxicJson({ attributes, name, type, stream, toxicity, lease, fault }: Toxic) {
  return { attributes, name, type, stream, toxicity, lease: lease ?? null, ...touchedJson(fault) };
}

function leaseJson({ name, ttlMs, expiresAtMs }: Lease) {
  return { name, ttl_ms: ttlMs, expires_in_ms: Math.max(0, Math.round(expiresAtMs - systemClock.nowMs())) };
}

function carriedJson(proxy: Proxy) {
  return {
    name: proxy.name,
    listen: formatAddress(proxy.listen),
    upstream: formatAddress(proxy.upstream),
    connections: proxy.acceptedConnections,
    open_connections: proxy.openConnections,
    upstream_failures: proxy.upstreamFailures,
    upstream_bytes: proxy.carriedBytes.upstream,
    downstream_bytes: proxy.carriedBytes.downstream,
  };
}

function touchedJson(fault: Fault) {
  return {
    matched: fault.matched,
    drawn: fault.drawn,
    affected: fault.affected,
    unreadable_connections: fault.unreadableConnections,
    first_affected_at_ms: fault.firstAffectedAtMs ?? null,
    last_affected_at_ms: fault.lastAffectedAtMs ?? null,
  };
}

function faultJson(fault: Fault) {
  const { id, description, startedAtMs, end } = fault;
  const { proxy, name, type, stream, toxicity, attributes, lease } = description;
  return {
    id,
    proxy,
    name,
    type,
    stream: stream ?? null,
    toxicity: toxicity ?? null,
    attributes: attributes ?? null,
    lease: lease ?? null,
    started_at_ms: startedAtMs,
    ended_at_ms: end?.atMs ?? null,
    ended_by: end?.by ?? null,
    ...touchedJson(fault),
  };
}
