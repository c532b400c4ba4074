import { z } from "zod";
import { callJson } from "../base/call-json.ts";
import type { EdgeFault } from "../experiment/fault.ts";
import { followEvents, type ProxyEvent, type ProxyEvents } from "./proxy-events.ts";
import type { ProxyUndo } from "./proxy-undo.ts";

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
type CountingEvidence = z.output<typeof evidenceSchema>;

/** A fault as a proxy tells it that counts what its faults touch. */
export type CountedFault = Readonly<CountingEvidence["faults"][number]>;

/** One of a proxy that does not. */
export interface UncountedFault extends Pick<
  CountedFault,
  "proxy" | "name" | "type" | "stream" | "toxicity" | "attributes" | "lease" | "ended_at_ms" | "ended_by"
> {
  /** Null for what somebody else put there. */
  readonly started_at_ms: number | null;
  /** Bytes of connections that ended while it was there; absent where nobody counts those. */
  readonly ended_bytes?: number;
  /** Bytes that came in meanwhile and never went out; absent where something else may have kept them. */
  readonly lost_bytes?: number;
}

export type FaultEvidence = CountedFault | UncountedFault;

export function isCounted(fault: FaultEvidence): fault is CountedFault {
  return "matched" in fault;
}

export interface ProxyEvidence {
  /** What each proxy has carried; where it counts connections as they end, of those that did. */
  readonly proxies: readonly Readonly<
    Pick<
      CountingEvidence["proxies"][number],
      "name" | "listen" | "upstream" | "upstream_bytes" | "downstream_bytes"
    >
  >[];
  readonly faults: readonly FaultEvidence[];
}

const leasesSchema = z.object({
  leases: z.array(z.object({ name: z.string(), ttl_ms: z.number(), expires_in_ms: z.number() })),
});

/** What is to be put on a proxy's API, and under which lease. */
export interface Placement {
  readonly kind: EdgeFault["kind"];
  readonly proxy: string;
  readonly lease: string;
}

/**
 * The proxy's API, as far as faults need it: Squall's own (here) or Toxiproxy's (toxiproxy-api.ts). Every call has a
 * deadline: an abort must never hang on it.
 */
export interface ProxyApi {
  readonly url: string;
  /** "Squall's proxy", "Toxiproxy 2.12.0" */
  readonly name: string;
  /**
   * Whether it counts, as it happens, what crosses and what faults touch. Where it does not, it is for traces to show that a
   * fault was felt.
   */
  readonly counts: boolean;
  /** Whether it ends a fault by itself when its lease was not renewed. Where it does not, somebody has to. */
  readonly endsByLease: boolean;
  /** Why it cannot do this to an edge; `undefined` when it can. */
  refusalOf(fault: EdgeFault): string | undefined;
  /** How a fault is ended by someone who has only the journal. */
  undoOf(placement: Placement): ProxyUndo;
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
  /** What happens to faults, as it happens. */
  followEvents(onEvent: (event: ProxyEvent, id: number) => void): ProxyEvents;
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
 * A client of the API of Squall's own proxy. Every method throws {SQUALL_PROXY} when the proxy refuses or does not answer in time.
 * @param url base URL, "http://127.0.0.1:8474"
 * @param call how it is called; who only wants to know what would be, gives another
 */
export function proxyApi(url: string, call: ProxyCall = proxyCalls(url)): ProxyApi {
  return {
    url,
    name: "Squall's proxy",
    counts: true,
    endsByLease: true,
    refusalOf: () => undefined,
    undoOf: ({ lease }) => ({ kind: "end-lease", proxyApi: url, lease }),
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
    followEvents: (onEvent) => followEvents({ url, onEvent }),
  };
}
