import { setTimeout as delay } from "node:timers/promises";

/** Where time comes from; tests bring their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch, with sub-millisecond digits; never steps backwards within a process. */
  nowMs(): number;
  /**
   * Waits `durationMs` milliseconds.
   * @throws the signal's reason, when `signal` aborts first
   */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** Kept: each look at it costs as much as the clock itself, and garbage. */
const originMs = performance.timeOrigin;

/** The machine's clock. Monotonic within a process: a step of the wall clock during a run does not reach it. */
export const systemClock: Clock = {
  nowMs: () => originMs + performance.now(),
  async sleep(durationMs, signal) {
    signal?.throwIfAborted();
    try {
      await delay(Math.max(0, durationMs), undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
