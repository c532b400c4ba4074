import { systemClock } from "../base/clock.ts";
import { SquallError } from "../base/errors.ts";
import { parseDurationMs } from "../base/units.ts";
import { ApiError } from "./api-error.ts";
import { longestMs } from "./toxics/toxic-kind.ts";

/** How long its faults may live without a renewal. */
export interface Lease {
  readonly name: string;
  readonly ttlMs: number;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

/** "5s" -> 5000, as `--lease` has it. @throws {SQUALL_USAGE} */
export function parseLeaseMs(given: string): number {
  const leaseMs = parseDurationMs(given);
  if (leaseMs === undefined || leaseMs < 1 || leaseMs > longestMs)
    throw new SquallError("SQUALL_USAGE", `--lease: expected a duration such as "5s", got "${given}"`);
  return leaseMs;
}

export type LeaseEnd = "lease-expired" | "lease-ended";

/**
 * The leases that faults live under. A lease exists from its first `renew` until it is ended or not renewed in time.
 *
 *   renew ──▶ held ──renew──▶ held … ──ttl passes──▶ gone (lease-expired)
 *                                    ──end─────────▶ gone (lease-ended)
 */
export class LeaseBook implements Disposable {
  readonly #held = new Map<string, { readonly lease: Lease; readonly timer: NodeJS.Timeout }>();
  readonly #onExpired: (name: string) => void;

  constructor(onExpired: (name: string) => void) {
    this.#onExpired = onExpired;
  }

  get leases(): readonly Lease[] {
    return [...this.#held.values()].map(({ lease }) => lease);
  }

  /** Creates a lease, or lets it live `ttlMs` milliseconds from now. */
  renew(name: string, ttlMs: number): Lease {
    this.end(name);
    const lease = { name, ttlMs, expiresAtMs: systemClock.nowMs() + ttlMs };
    const timer = setTimeout(() => {
      this.#held.delete(name);
      this.#onExpired(name);
    }, ttlMs);
    this.#held.set(name, { lease, timer });
    return lease;
  }

  /** @throws {ApiError} 404 when no such lease is held */
  require(name: string): void {
    if (!this.#held.has(name)) throw new ApiError(404, "lease not found");
  }

  /** Forgets a lease; its faults are the caller's to end. */
  end(name: string): void {
    clearTimeout(this.#held.get(name)?.timer);
    this.#held.delete(name);
  }

  [Symbol.dispose](): void {
    for (const name of this.#held.keys()) this.end(name);
  }
}
