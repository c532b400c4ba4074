import { isDeepStrictEqual } from "node:util";
import { formatAddress, type Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import { ApiError } from "./api-error.ts";
import { FaultLedger, type FaultEnd } from "./fault-ledger.ts";
import { HealthChecks } from "./health-checks.ts";
import type { LeaseBook } from "./lease.ts";
import { Proxy, resolveAddress, type ToxicOptions } from "./proxy.ts";
import type { ProxySpec } from "./proxy-spec.ts";
import type { Toxic } from "./toxic.ts";

/** All proxies of a server, by name, and the record of their faults. */
export class ProxySet {
  readonly ledger = new FaultLedger();
  readonly #checks = new HealthChecks();
  readonly #random: Random;
  readonly #leases: Pick<LeaseBook, "require">;
  readonly #proxies = new Map<string, Proxy>();

  constructor(random: Random, leases: Pick<LeaseBook, "require">) {
    this.#random = random;
    this.#leases = leases;
  }

  /** In order of creation. */
  get proxies(): readonly Proxy[] {
    return [...this.#proxies.values()];
  }

  /** @throws {ApiError} 404 when there is none of that name */
  get(name: string): Proxy {
    const proxy = this.#proxies.get(name);
    if (!proxy) throw new ApiError(404, "proxy not found");
    return proxy;
  }

  /**
   * Creates a proxy with its toxics, which are in place before it listens; when anything fails, nothing is left of it.
   * @throws {ApiError} 404 when a lease is not held, 409 when there is one of that name, 500 when its address cannot be had
   */
  async create(spec: ProxySpec): Promise<Proxy> {
    const { name, listen, upstreams = [spec.upstream], health, enabled, lease, ttlMs, toxics } = spec;
    if (this.#proxies.has(name)) throw new ApiError(409, "proxy already exists");
    this.requireLeases(spec);
    const random = this.#random.fork(name);
    const proxy = new Proxy({ name, listen, upstreams, checks: this.#checks, ledger: this.ledger, random });
    this.#proxies.set(name, proxy);
    proxy.check(health ?? undefined);
    for (const toxic of toxics) proxy.addToxic(toxic);
    if (enabled === false && (lease !== undefined || ttlMs !== undefined)) proxy.disable({ lease, ttlMs });
    if (enabled === false) return proxy;
    try {
      await proxy.enable("removed");
    } catch (error) {
      proxy.remove();
      if (this.#proxies.get(name) === proxy) this.#proxies.delete(name);
      throw error;
    }
    return proxy;
  }

  /**
   * Creates a proxy, or replaces the one of that name unless it is the same: that one is kept with its toxics, and gets
   * those of the asked for that it lacks.
   * @throws {ApiError} as {@link create}
   */
  async createOrReplace(spec: ProxySpec): Promise<Proxy> {
    const existing = this.#proxies.get(spec.name);
    if (existing && (await isAt(existing, spec))) {
      const { upstreams, health, enabled, lease, ttlMs, toxics } = spec;
      if (upstreams !== undefined) existing.lead(upstreams);
      if (health !== undefined) existing.check(health ?? undefined);
      if (enabled === true) await existing.enable("removed");
      this.requireLeases(spec);
      if (enabled === false) existing.disable({ lease, ttlMs });
      for (const toxic of toxics) putToxic(existing, toxic);
      return existing;
    }
    this.remove(spec.name);
    return this.create(spec);
  }

  /** @throws {ApiError} 404 when a lease that is named is not held */
  requireLeases({ lease, toxics }: Pick<ProxySpec, "lease" | "toxics">): void {
    for (const { lease: name } of [{ lease }, ...toxics]) if (name !== undefined) this.#leases.require(name);
  }

  /** Removes a proxy and ends its faults; an unknown one is no error. */
  remove(name: string): void {
    this.#proxies.get(name)?.remove();
    this.#proxies.delete(name);
  }

  /** Ends every fault of a lease. @throws what failed, after all have been tried */
  async endLease(lease: string, by: FaultEnd): Promise<void> {
    await settleAll(this.proxies.map((proxy) => proxy.endLease(lease, by)));
  }

  /** Ends every fault and enables every proxy. @throws what failed, after all have been tried */
  async reset(): Promise<void> {
    await settleAll(this.proxies.map((proxy) => proxy.reset()));
  }
}

/** Leaves a toxic that is the same, but for its time to live, and replaces one that is not. */
function putToxic(proxy: Proxy, wanted: ToxicOptions): void {
  const present = proxy.toxic(wanted.name);
  if (present && isSame(present, wanted)) {
    if (wanted.ttlMs !== undefined) proxy.expireToxic(present, wanted.ttlMs);
    return;
  }
  if (present) proxy.removeToxics([present], "removed");
  proxy.addToxic(wanted);
}

function isSame(present: Toxic, wanted: ToxicOptions): boolean {
  const essence = ({ type, stream, toxicity, attributes, lease }: Omit<ToxicOptions, "ttlMs">) => ({
    type,
    stream,
    toxicity,
    attributes,
    lease,
  });
  return isDeepStrictEqual(essence(present), essence(wanted));
}

/**
 * Whether a proxy listens where a request says, with names resolved, and leads where it says: a list of upstreams can be
 * changed in place, one upstream is to be among those that there are.
 */
export async function isAt(
  proxy: Proxy,
  { listen, upstream, upstreams }: Pick<ProxySpec, "listen" | "upstream" | "upstreams">,
): Promise<boolean> {
  const isSame = (one: Address, other: Address): boolean => formatAddress(one) === formatAddress(other);
  return (
    (upstreams !== undefined || proxy.upstreams.has(upstream)) &&
    (isSame(proxy.listen, listen) || isSame(proxy.listen, await resolveAddress(listen)))
  );
}

async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === "rejected") throw result.reason;
  }
}
