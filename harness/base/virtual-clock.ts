import type { Clock } from "./clock.ts";

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
}

/**
 * A clock on which nobody waits: when all that can go on has gone on, it is the time at which the next one wakes. What
 * goes on must need neither disk nor network nor timers of Node, for which this clock does not wait.
 * @param startMs epoch milliseconds
 */
export function virtualClock(startMs: number): Clock {
  let nowMs = startMs;
  let isMoving = false;
  const sleepers = new Set<Sleeper>();

  /** Between two turns of Node's loop everything that was awake has come to its next wait. */
  function move(): void {
    const next = [...sleepers].reduce<Sleeper | undefined>(
      (first, one) => (first === undefined || one.untilMs < first.untilMs ? one : first),
      undefined,
    );
    isMoving = next !== undefined;
    if (next === undefined) return;
    nowMs = Math.max(nowMs, next.untilMs);
    sleepers.delete(next);
    next.wake();
    setImmediate(move);
  }

  return {
    nowMs: () => nowMs,
    sleep: (durationMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const sleeper = {
          untilMs: nowMs + Math.max(0, durationMs),
          wake() {
            signal?.removeEventListener("abort", abort);
            resolve();
          },
        };
        const abort = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason as Error);
        };
        signal?.addEventListener("abort", abort, { once: true });
        sleepers.add(sleeper);
        if (isMoving) return;
        isMoving = true;
        setImmediate(move);
      }),
  };
}
