/**
 * Leases: how long faults may live without a heartbeat. A lease that is not renewed in time expires, and whoever
 * made the leases ends its faults.
 */
export interface Lease {
  readonly name: string;
  readonly ttlMs: number;
  readonly expiresInMs: number;
}

export interface Leases {
  /** Creates it or renews it from now on. */
  renew(name: string, ttlMs: number): Lease;
  get(name: string): Lease | undefined;
  /** @returns false when there is none of that name */
  end(name: string): boolean;
  readonly all: readonly Lease[];
  close(): void;
}

export function createLeases(onExpired: (name: string) => void): Leases {
  const held = new Map<
    string,
    { readonly ttlMs: number; readonly expiresAtMs: number; readonly timer: NodeJS.Timeout }
  >();
  const leaseOf = (name: string): Lease | undefined => {
    const lease = held.get(name);
    return (
      lease && { name, ttlMs: lease.ttlMs, expiresInMs: Math.max(0, lease.expiresAtMs - performance.now()) }
    );
  };
  return {
    renew(name, ttlMs) {
      clearTimeout(held.get(name)?.timer);
      const timer = setTimeout(() => {
        held.delete(name);
        onExpired(name);
      }, ttlMs);
      held.set(name, { ttlMs, expiresAtMs: performance.now() + ttlMs, timer });
      return { name, ttlMs, expiresInMs: ttlMs };
    },
    get: leaseOf,
    end(name) {
      clearTimeout(held.get(name)?.timer);
      return held.delete(name);
    },
    get all() {
      return [...held.keys()].flatMap((name) => leaseOf(name) ?? []);
    },
    close() {
      for (const { timer } of held.values()) clearTimeout(timer);
      held.clear();
    },
  };
}
