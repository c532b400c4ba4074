import { Trouble } from "./trouble.js";

/**
 * Looks again and again, until what is looked at is over or the page is left: often at first, since most things are soon
 * over; seldom later; not at all while nobody sees the page.
 *
 * @template T
 * @typedef {object} FollowOptions
 * @property {() => Promise<T>} load
 * @property {(value: T) => boolean} isOver
 * @property {AbortSignal} signal
 */

const firstMs = 1_000;
const longestMs = 8_000;
const growth = 1.25;

/**
 * @template T
 * @param {FollowOptions<T>} options
 * @returns {AsyncGenerator<{kind: "seen", value: T} | {kind: "lost", trouble: Trouble}>}
 */
export async function* follow({ load, isOver, signal }) {
  for (let pauseMs = firstMs; !signal.aborted; pauseMs = Math.min(pauseMs * growth, longestMs)) {
    try {
      const value = await load();
      yield { kind: "seen", value };
      if (isOver(value)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Trouble)) throw error;
      yield { kind: "lost", trouble: error };
      pauseMs = Math.max(pauseMs, error.waitMs ?? 0);
    }
    await pause(pauseMs, signal);
    await untilSeen(signal);
  }
}

/** @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
    })
  );
}

/** @param {AbortSignal} signal */
async function untilSeen(signal) {
  while (document.hidden && !signal.aborted)
    await new Promise((resolve) => {
      document.addEventListener("visibilitychange", resolve, { once: true, signal });
      signal.addEventListener("abort", resolve, { once: true });
    });
}
