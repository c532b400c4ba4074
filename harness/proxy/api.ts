import fastify, { type FastifyInstance } from "fastify";
import type { z } from "zod";
import { formatAddress } from "../base/address.ts";
import { ApiError, badRequest } from "./api-error.ts";
import {
  leaseInputSchema,
  proxyInputSchema,
  proxyUpdateSchema,
  toxicInputSchema,
  toxicUpdateSchema,
} from "./api-schema.ts";
import type { FaultRecord } from "./fault-log.ts";
import type { Proxy } from "./proxy.ts";
import type { ProxySet } from "./proxy-set.ts";
import type { ToxicInstance } from "./toxic-instance.ts";

export interface ApiOptions {
  /** Time to live of a lease that does not say its own. */
  readonly leaseTtlMs: number;
  readonly version: string;
}

/** Toxiproxy's HTTP API over a set of proxies, with leases and evidence added. See docs/proxy.md. */
export function createApi(set: ProxySet, { leaseTtlMs, version }: ApiOptions): FastifyInstance {
  const app = fastify({ routerOptions: { ignoreTrailingSlash: true }, bodyLimit: 1 << 20 });
  // Clients differ in the content type they send, and some send none.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type("text/plain; charset=utf-8").send("404 page not found\n"),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error instanceof ApiError ? error.status : (error.statusCode ?? 500);
    return reply.code(status).send({ error: error.message, status });
  });
  app.addHook("onRequest", async (request) => {
    // A page in a browser must not be able to break a network.
    if (request.headers["user-agent"]?.startsWith("Mozilla/") === true)
      throw new ApiError(403, "User agent not allowed");
  });

  app.get("/version", (_request, reply) =>
    reply.type("application/json;charset=utf-8").send(JSON.stringify({ version })),
  );
  app.post("/reset", async (_request, reply) => {
    await set.reset();
    return reply.code(204).send();
  });
  app.post("/populate", async (request, reply) => {
    const inputs = parseJson(request.body);
    if (!Array.isArray(inputs)) throw badRequest("expected a list of proxies");
    const proxies = await set.populate(inputs.map(parseProxy));
    return reply.code(201).send({ proxies: proxies.map(proxyJson) });
  });

  app.get("/proxies", () => Object.fromEntries(set.proxies.map((proxy) => [proxy.name, proxyJson(proxy)])));
  app.post("/proxies", async (request, reply) => {
    const proxy = await set.create(parseProxy(parseJson(request.body)));
    return reply.code(201).send(proxyJson(proxy));
  });
  app.route({
    method: ["PUT", "PATCH", "DELETE"],
    url: "/proxies",
    handler: (_request, reply) => reply.code(405).send(),
  });

  app.get<ProxyRoute>("/proxies/:proxy", ({ params }) => proxyJson(set.get(params.proxy)));
  app.route<ProxyRoute>({
    method: ["POST", "PATCH"],
    url: "/proxies/:proxy",
    handler: async ({ params, body }) =>
      proxyJson(await set.update(params.proxy, parseBody(proxyUpdateSchema, parseJson(body)))),
  });
  app.delete<ProxyRoute>("/proxies/:proxy", ({ params }, reply) => {
    set.remove(params.proxy);
    return reply.code(204).send();
  });

  app.get<ProxyRoute>("/proxies/:proxy/toxics", ({ params }) => set.get(params.proxy).toxics.map(toxicJson));
  app.post<ProxyRoute>("/proxies/:proxy/toxics", ({ params, body }) => {
    set.get(params.proxy);
    return toxicJson(set.addToxic(params.proxy, parseToxic(parseJson(body))));
  });
  app.get<ToxicRoute>("/proxies/:proxy/toxics/:toxic", ({ params }) =>
    toxicJson(set.getToxic(params.proxy, params.toxic)),
  );
  app.route<ToxicRoute>({
    method: ["POST", "PATCH"],
    url: "/proxies/:proxy/toxics/:toxic",
    handler: ({ params, body }) =>
      toxicJson(set.updateToxic(params.proxy, params.toxic, parseBody(toxicUpdateSchema, parseJson(body)))),
  });
  app.delete<ToxicRoute>("/proxies/:proxy/toxics/:toxic", ({ params }, reply) => {
    set.removeToxic(params.proxy, params.toxic);
    return reply.code(204).send();
  });

  app.get("/leases", () => set.leases.all.map(leaseJson));
  app.put<LeaseRoute>("/leases/:lease", ({ params, body }) => {
    const { ttl_ms: ttlMs = leaseTtlMs } = parseBody(
      leaseInputSchema,
      body === undefined || body === "" ? {} : parseJson(body),
    );
    return leaseJson(set.leases.renew(params.lease, ttlMs));
  });
  app.delete<LeaseRoute>("/leases/:lease", async ({ params }, reply) => {
    await set.endLease(params.lease);
    return reply.code(204).send();
  });
  app.get("/evidence", () => ({ proxies: set.proxies.map(trafficJson), faults: set.faults.map(faultJson) }));
  return app;
}

interface ProxyRoute {
  Params: { proxy: string };
}
interface ToxicRoute {
  Params: { proxy: string; toxic: string };
}
interface LeaseRoute {
  Params: { lease: string };
}

function parseJson(body: unknown): unknown {
  try {
    return JSON.parse(typeof body === "string" ? body : "");
  } catch {
    throw badRequest("expected JSON");
  }
}

function parseBody<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join(".") || "body"}: ${message}, got ${given(value, path)}`,
  );
  throw badRequest(problems.join("; "));
}

function given(value: unknown, path: readonly PropertyKey[]): string {
  let found: unknown = value;
  for (const key of path)
    found = typeof found === "object" && found !== null ? Reflect.get(found, key) : undefined;
  return JSON.stringify(found) ?? "nothing";
}

function parseProxy(value: unknown) {
  for (const field of ["name", "listen", "upstream"] as const) requireField(value, field);
  return parseBody(proxyInputSchema, value);
}

function parseToxic(value: unknown) {
  requireField(value, "type");
  const stream: unknown =
    typeof value === "object" && value !== null ? Reflect.get(value, "stream") : undefined;
  if (stream !== undefined && stream !== "upstream" && stream !== "downstream")
    throw new ApiError(400, "stream was invalid, can be either upstream or downstream");
  return parseBody(toxicInputSchema, value);
}

function requireField(value: unknown, field: string): void {
  const given: unknown = typeof value === "object" && value !== null ? Reflect.get(value, field) : undefined;
  if (given === undefined || given === "") throw new ApiError(400, `missing required field: ${field}`);
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

function toxicJson({ name, kind, stream, toxicity, attributes, lease, record }: ToxicInstance) {
  return {
    attributes,
    name,
    type: kind.type,
    stream,
    toxicity,
    ...(lease === undefined ? {} : { lease }),
    affected: affectedJson(record),
  };
}

function leaseJson({ name, ttlMs, expiresInMs }: { name: string; ttlMs: number; expiresInMs: number }) {
  return { name, ttl_ms: ttlMs, expires_in_ms: Math.round(expiresInMs) };
}

function trafficJson({ name, listen, upstream, traffic }: Proxy) {
  return {
    name,
    listen: formatAddress(listen),
    upstream: formatAddress(upstream),
    connections: traffic.connections,
    open_connections: traffic.openConnections,
    upstream_bytes: traffic.upstreamBytes,
    downstream_bytes: traffic.downstreamBytes,
  };
}

function faultJson(record: FaultRecord) {
  return {
    id: record.id,
    proxy: record.proxy,
    name: record.name,
    type: record.type,
    stream: record.stream,
    toxicity: record.toxicity,
    attributes: record.attributes,
    lease: record.lease,
    started_at_ms: record.startedAtMs,
    ended_at_ms: record.endedAtMs,
    ended_by: record.endedBy,
    affected: affectedJson(record),
  };
}

function affectedJson({ affectedConnections, affectedBytes }: FaultRecord) {
  return { connections: affectedConnections, bytes: affectedBytes };
}
