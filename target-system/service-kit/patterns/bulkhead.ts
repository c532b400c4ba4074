/**
 * Keeps one slow callee from taking everything: at most so many calls to it are under way, at most so many wait for their
 * turn, and whoever comes then is refused at once. Those who wait are served in the order in which they came, and one that
 * is cut while it waits leaves the queue.
 */
export interface Bulkhead {
  /** Waits for a turn. @returns how to end it; undefined when there is no room, or `signal` aborted first */
  enter(signal: AbortSignal): Promise<(() => void) | undefined>;
  /** Whether a call would have its turn at once. */
  readonly hasRoom: boolean;
  /** How many calls are under way, and how many wait for their turn. */
  readonly load: BulkheadLoad;
}

export interface BulkheadLoad {
  readonly running: number;
  readonly waiting: number;
}

export interface BulkheadOptions {
  /** Calls under way at once. @default 64 */
  readonly maxCalls?: number;
  /** Calls that may wait for their turn. @default 64 */
  readonly maxQueued?: number;
}

export function createBulkhead({ maxCalls = 64, maxQueued = 64 }: BulkheadOptions = {}): Bulkhead {
  let calls = 0;
  const queue = new Set<() => void>();

  /** A turn that ends goes straight to whoever waits longest, so that nobody can slip in between. */
  const turn = (): (() => void) => {
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const [next] = queue;
      if (next === undefined) calls -= 1;
      else next();
    };
  };

  return {
    get hasRoom() {
      return calls < maxCalls;
    },
    get load() {
      return { running: calls, waiting: queue.size };
    },
    async enter(signal) {
      if (signal.aborted) return undefined;
      if (calls < maxCalls) {
        calls += 1;
        return turn();
      }
      if (queue.size >= maxQueued) return undefined;
      return new Promise((resolve) => {
        const leave = (): void => {
          queue.delete(begin);
          resolve(undefined);
        };
        const begin = (): void => {
          queue.delete(begin);
          signal.removeEventListener("abort", leave);
          resolve(turn());
        };
        queue.add(begin);
        signal.addEventListener("abort", leave, { once: true });
      });
    },
  };
}

/** Has room for everyone. */
export const noBulkhead: Bulkhead = {
  hasRoom: true,
  load: { running: 0, waiting: 0 },
  enter: async () => () => undefined,
};
