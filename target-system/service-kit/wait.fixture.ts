import { setTimeout as sleep } from "node:timers/promises";

/**
 * Calls `probe` until it returns something other than `undefined` or `false`; what it throws counts as "not yet".
 * @throws {Error} after `withinMs`, saying what was awaited
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 15_000,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs)
      throw new Error(`waited ${withinMs} ms for ${what}`, { cause: lastError });
    await sleep(20);
  }
}
