import { systemClock, type Clock } from "../base/clock.ts";
import type { ProxyApi } from "../faults/proxy-api.ts";

/** How long the proxy lets a fault live after the last heartbeat, and how often the engine sends one. */
export const leaseTtlMs = 5_000;
const beatEveryMs = 1_000;

/** Keeps the leases of a run's faults alive. Stopping it, or dying, lets the proxy end them by itself. */
export interface Heartbeat extends AsyncDisposable {
  /** Creates the lease and renews it from now on. @throws {SQUALL_PROXY} when the proxy does not grant it */
  hold(lease: string): Promise<void>;
  /** Renews it no more; it is the caller who ends it. */
  release(lease: string): void;
}

export function startHeartbeat(proxy: ProxyApi, clock: Clock = systemClock): Heartbeat {
  const held = new Set<string>();
  const stopping = new AbortController();

  const beating = (async () => {
    while (!stopping.signal.aborted) {
      // A beat that fails may be made good by the next; a lease that expired is seen when its fault is undone.
      await Promise.allSettled([...held].map((lease) => proxy.renewLease(lease, leaseTtlMs)));
      await clock.sleep(beatEveryMs, stopping.signal).catch(() => undefined);
    }
  })();

  return {
    async hold(lease) {
      await proxy.renewLease(lease, leaseTtlMs);
      held.add(lease);
    },
    release: (lease) => void held.delete(lease),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await beating;
    },
  };
}
