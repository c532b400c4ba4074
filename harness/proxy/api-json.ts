import { formatAddress } from "../base/address.ts";
import { systemClock } from "../base/clock.ts";
import type { Fault } from "./fault-ledger.ts";
import type { HealthSpec } from "./health-checks.ts";
import type { Lease } from "./lease.ts";
import type { Proxy } from "./proxy.ts";
import type { Toxic } from "./toxic.ts";

/** What the API tells, as docs/proxy.md describes it: Toxiproxy's fields first, then ours. */

export function proxyJson(proxy: Proxy) {
  const expiresInMs = proxy.down && remainingMs(proxy.down.expiresAtMs);
  const { listed, draining, healthSpec } = proxy.upstreams;
  return {
    name: proxy.name,
    listen: formatAddress(proxy.listen),
    upstream: formatAddress(proxy.upstream),
    enabled: proxy.isEnabled,
    toxics: proxy.toxics.map(toxicJson),
    upstreams: listed.map((upstream) => ({
      address: formatAddress(upstream.address),
      state: upstream.isUp ? "up" : "down",
      connections: upstream.openConnections,
    })),
    draining: draining.map(({ address, openConnections }) => ({
      address: formatAddress(address),
      connections: openConnections,
    })),
    health: healthSpec ? healthJson(healthSpec) : null,
    ...(typeof expiresInMs === "number" ? { expires_in_ms: expiresInMs } : {}),
  };
}

function healthJson({ path, intervalMs, timeoutMs }: HealthSpec) {
  return { path, interval_ms: intervalMs, timeout_ms: timeoutMs };
}

export function toxicJson({ attributes, name, type, stream, toxicity, lease, fault }: Toxic) {
  return { attributes, name, type, stream, toxicity, lease: lease ?? null, ...touchedJson(fault) };
}

export function leaseJson({ name, ttlMs, expiresAtMs }: Lease) {
  return { name, ttl_ms: ttlMs, expires_in_ms: remainingMs(expiresAtMs) };
}

export function carriedJson(proxy: Proxy) {
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

export function faultJson(fault: Fault) {
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

function touchedJson(fault: Fault) {
  return {
    matched: fault.matched,
    drawn: fault.drawn,
    affected: fault.affected,
    unreadable_connections: fault.unreadableConnections,
    first_affected_at_ms: fault.firstAffectedAtMs ?? null,
    last_affected_at_ms: fault.lastAffectedAtMs ?? null,
    expires_in_ms: fault.end ? null : remainingMs(fault.expiresAtMs),
  };
}

function remainingMs(expiresAtMs: number | undefined): number | null {
  return expiresAtMs === undefined ? null : Math.max(0, Math.round(expiresAtMs - systemClock.nowMs()));
}
