import { formatAddress, type Address } from "../base/address.ts";
import type { Health, HealthChecks, HealthSpec } from "./health-checks.ts";

/** How long an upstream that refused a connection comes last, in milliseconds. */
const restMs = 1_000;

/** One address that a proxy leads to. */
export class Upstream {
  readonly address: Address;
  /** Open or being made now, whether or not the address is still listed. */
  openConnections = 0;
  health: Health | undefined;
  #restsUntilMs = 0;

  constructor(address: Address) {
    this.address = address;
  }

  get isUp(): boolean {
    return this.health?.isFailing !== true && performance.now() >= this.#restsUntilMs;
  }

  /** It could not be connected to. */
  refused(): void {
    this.#restsUntilMs = performance.now() + restMs;
  }
}

/**
 * The addresses that a proxy leads to, and which of them the next connection is for: those that are up, in turn.
 *
 *   listed ──(refuses a connection, or fails its checks)──▶ down ──(has rested, and passes them)──▶ up
 *     └─ taken off the list ─▶ draining: keeps the connections that it has ──(the last one ends)──▶ forgotten
 *
 * To be down is to come last, no more: where all are down, they are tried as if none were.
 */
export class Upstreams implements Disposable {
  readonly #checks: HealthChecks;
  #listed: readonly Upstream[] = [];
  /** Off the list, with connections that may still be open. */
  #unlisted: readonly Upstream[] = [];
  #healthSpec: HealthSpec | undefined;
  #turn = 0;
  #isDisposed = false;

  /** @param addresses one at least */
  constructor(addresses: readonly Address[], checks: HealthChecks) {
    this.#checks = checks;
    this.set(addresses);
  }

  /** The first one listed: what clients see that know of one. */
  get first(): Address {
    const [first] = this.#listed;
    if (!first) throw new Error("a proxy leads somewhere");
    return first.address;
  }

  get addresses(): readonly Address[] {
    return this.#listed.map(({ address }) => address);
  }

  get listed(): readonly Upstream[] {
    return this.#listed;
  }

  get draining(): readonly Upstream[] {
    this.#unlisted = this.#unlisted.filter(({ openConnections }) => openConnections > 0);
    return this.#unlisted;
  }

  get healthSpec(): HealthSpec | undefined {
    return this.#healthSpec;
  }

  has(address: Address): boolean {
    return this.#listed.some((upstream) => isSame(upstream.address, address));
  }

  /** @param addresses one at least, each once */
  set(addresses: readonly Address[]): void {
    const known = [...this.#listed, ...this.draining];
    this.#listed = addresses.map(
      (address) => known.find((upstream) => isSame(upstream.address, address)) ?? new Upstream(address),
    );
    this.#unlisted = known.filter((upstream) => !this.#listed.includes(upstream));
    this.#watch();
  }

  /** How they are asked whether they are well; nobody is where there is nothing to choose. @param spec `undefined`: never */
  check(spec: HealthSpec | undefined): void {
    this.#healthSpec = spec;
    for (const upstream of this.#listed) release(upstream);
    this.#watch();
  }

  /** The order in which the next connection tries them. */
  next(): readonly Upstream[] {
    if (this.#listed.length === 1) return this.#listed;
    this.#turn += 1;
    const up = this.#listed.filter(({ isUp }) => isUp);
    return [
      ...turned(up, this.#turn),
      ...turned(
        this.#listed.filter((one) => !up.includes(one)),
        this.#turn,
      ),
    ];
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#watch();
  }

  #watch(): void {
    const spec = this.#isDisposed || this.#listed.length === 1 ? undefined : this.#healthSpec;
    for (const upstream of this.#unlisted) release(upstream);
    for (const upstream of this.#listed)
      if (spec === undefined) release(upstream);
      else upstream.health ??= this.#checks.watch(upstream.address, spec);
  }
}

function release(upstream: Upstream): void {
  upstream.health?.[Symbol.dispose]();
  upstream.health = undefined;
}

function turned<T>(list: readonly T[], by: number): readonly T[] {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}

function isSame(one: Address, other: Address): boolean {
  return formatAddress(one) === formatAddress(other);
}
