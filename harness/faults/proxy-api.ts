import { z } from "zod";
import { SquallError, messageOf } from "../base/errors.ts";

/** A toxic as the proxy's API takes it: Toxiproxy's fields, plus the lease that it lives under. */
export interface ToxicSpec {
  readonly name: string;
  readonly type: string;
  readonly stream: "upstream" | "downstream";
  /** Share of connections that it touches, in [0, 1]. */
  readonly toxicity: number;
  readonly attributes: Readonly<Record<string, number>>;
  readonly lease: string;
}

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
      affected: z.object({ connections: z.number().int(), bytes: z.number().int() }),
    }),
  ),
});
export type ProxyEvidence = z.output<typeof evidenceSchema>;

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
}

const callTimeoutMs = 2_000;

/**
 * A client of the proxy's API. Every method throws {SQUALL_PROXY} when the proxy refuses or does not answer in time.
 * @param url base URL, "http://127.0.0.1:8474"
 */
export function proxyApi(url: string): ProxyApi {
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
  };

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const what = `${method} ${path} at the proxy on ${url}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(url + path, {
        method,
        signal: AbortSignal.timeout(callTimeoutMs),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      text = await response.text();
    } catch (error) {
      throw new SquallError("SQUALL_PROXY", `${what} got no answer: ${messageOf(error)}`, { cause: error });
    }
    if (!response.ok)
      throw new SquallError("SQUALL_PROXY", `${what} answered ${response.status}: ${text.trim()}`);
    return text === "" ? undefined : JSON.parse(text);
  }
}
