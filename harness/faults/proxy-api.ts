import { z } from "zod";
import { callJson } from "../base/call-json.ts";

/** A toxic as the proxy's API takes it: Toxiproxy's fields, plus the lease that it lives under. */
export interface ToxicSpec {
  readonly name: string;
  readonly type: string;
  /** The kind's usual one when left out. */
  readonly stream?: "upstream" | "downstream";
  /** Share of connections that it touches, in [0, 1]. */
  readonly toxicity: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly lease: string;
}

const countSchema = z.object({ requests: z.number().int(), connections: z.number().int() });

const evidenceSchema = z.object({
  proxies: z.array(
    z.object({
      name: z.string(),
      listen: z.string(),
      upstream: z.string(),
      connections: z.number(),
      open_connections: z.number(),
      upstream_bytes: z.number(),
      downstream_bytes: z.number(),
    }),
  ),
  faults: z.array(
    z.object({
      proxy: z.string(),
      name: z.string(),
      type: z.string(),
      stream: z.string().nullish(),
      toxicity: z.number().nullish(),
      attributes: z.record(z.string(), z.unknown()).nullish(),
      lease: z.string().nullable(),
      started_at_ms: z.number(),
      ended_at_ms: z.number().nullable(),
      ended_by: z.string().nullable(),
      /** Calls that match and connections that it stands on; of these what it was to act on; what it did act on. */
      matched: countSchema,
      drawn: countSchema,
      affected: countSchema.extend({ bytes: z.number().int() }),
      /** Connections whose calls it cannot tell apart. */
      unreadable_connections: z.number().int(),
      /** Until it ends by a time to live of its own. */
      expires_in_ms: z.number().nullish(),
      first_affected_at_ms: z.number().nullable(),
      last_affected_at_ms: z.number().nullable(),
    }),
  ),
});
export type ProxyEvidence = Readonly<z.output<typeof evidenceSchema>>;
export type FaultEvidence = Readonly<ProxyEvidence["faults"][number]>;

const leasesSchema = z.object({
  leases: z.array(z.object({ name: z.string(), ttl_ms: z.number(), expires_in_ms: z.number() })),
});

/** The proxy's API, as far as faults need it. Every call has a deadline: an abort must never hang on it. */
export interface ProxyApi {
  readonly url: string;
  /** Creates or renews a lease; its faults end by themselves `ttlMs` milliseconds after the last renewal. */
  renewLease(lease: string, ttlMs: number): Promise<void>;
  /** Ends every fault of a lease at once. An unknown lease is no error. */
  endLease(lease: string): Promise<void>;
  addToxic(proxy: string, toxic: ToxicSpec): Promise<void>;
  /** Closes the proxy's listener and cuts its connections until the lease ends. */
  disable(proxy: string, lease: string): Promise<void>;
  /** What each proxy carried and each fault, also an ended one, has touched. */
  evidence(): Promise<ProxyEvidence>;
  /** By lease: in how many milliseconds it ends unless it is renewed. */
  leases(): Promise<ReadonlyMap<string, number>>;
}

const callTimeoutMs = 2_000;

/** One call on the proxy's API. @returns the decoded answer; undefined when it is empty */
export type ProxyCall = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Calls over HTTP. @throws {SQUALL_PROXY} when the proxy refuses or does not answer in time */
export function proxyCalls(url: string): ProxyCall {
  const server = { name: "the proxy", url, code: "SQUALL_PROXY", timeoutMs: callTimeoutMs } as const;
  return (method, path, body) => callJson(server, method, path, body);
}

/**
 * A client of the proxy's API. Every method throws {SQUALL_PROXY} when the proxy refuses or does not answer in time.
 * @param url base URL, "http://127.0.0.1:8474"
 * @param call how it is called; who only wants to know what would be, gives another
 */
export function proxyApi(url: string, call: ProxyCall = proxyCalls(url)): ProxyApi {
  return {
    url,
    async renewLease(lease, ttlMs) {
      await call("PUT", `/leases/${encodeURIComponent(lease)}`, { ttl_ms: ttlMs });
    },
    async endLease(lease) {
      await call("DELETE", `/leases/${encodeURIComponent(lease)}`);
    },
    async addToxic(proxy, toxic) {
      await call("POST", `/proxies/${encodeURIComponent(proxy)}/toxics`, toxic);
    },
    async disable(proxy, lease) {
      await call("POST", `/proxies/${encodeURIComponent(proxy)}`, { enabled: false, lease });
    },
    evidence: async () => evidenceSchema.parse(await call("GET", "/evidence")),
    async leases() {
      const { leases } = leasesSchema.parse(await call("GET", "/leases"));
      return new Map(leases.map(({ name, expires_in_ms }) => [name, expires_in_ms]));
    },
  };
}
