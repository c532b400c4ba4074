import { formatAddress, type Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import { ApiError } from "./api-error.ts";
import { FaultLedger, type FaultEnd } from "./fault-ledger.ts";
import { Proxy, resolveAddress } from "./proxy.ts";

/** A proxy as it is asked for. */
export interface ProxySpec {
  readonly name: string;
  readonly listen: Address;
  readonly upstream: Address;
  /** `undefined`: enabled when it is new, left as it is when it is not. */
  readonly enabled: boolean | undefined;
}

/** All proxies of a server, by name, and the record of their faults. */
export class ProxySet {
  readonly ledger = new FaultLedger();
  readonly #random: Random;
  readonly #proxies = new Map<string, Proxy>();

  constructor(random: Random) {
    this.#random = random;
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

  /** @throws {ApiError} 409 when there is one of that name, 500 when its address cannot be had */
  async create({ name, listen, upstream, enabled }: ProxySpec): Promise<Proxy> {
    if (this.#proxies.has(name)) throw new ApiError(409, "proxy already exists");
    const { ledger } = this;
    const proxy = new Proxy({ name, listen, upstream, ledger, random: this.#random.fork(name) });
    this.#proxies.set(name, proxy);
    if (enabled === false) return proxy;
    try {
      await proxy.enable("removed");
    } catch (error) {
      this.#proxies.delete(name);
      throw error;
    }
    return proxy;
  }

  /** Creates a proxy, or replaces the one of that name unless it is the same: that one is kept with its toxics. */
  async createOrReplace(spec: ProxySpec): Promise<Proxy> {
    const existing = this.#proxies.get(spec.name);
    if (existing && (await isAt(existing, spec))) {
      if (spec.enabled === true) await existing.enable("removed");
      if (spec.enabled === false) existing.disable(undefined);
      return existing;
    }
    this.remove(spec.name);
    return this.create(spec);
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

/** Whether a proxy listens and connects where a request says, with names resolved. */
export async function isAt(
  proxy: Proxy,
  { listen, upstream }: Pick<ProxySpec, "listen" | "upstream">,
): Promise<boolean> {
  const isSame = (one: Address, other: Address): boolean => formatAddress(one) === formatAddress(other);
  return (
    isSame(proxy.upstream, upstream) &&
    (isSame(proxy.listen, listen) || isSame(proxy.listen, await resolveAddress(listen)))
  );
}

async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === "rejected") throw result.reason;
  }
}
