import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits, or no longer than until the signal aborts: what comes next sees that it has.
 * @param options `ref: false` where a process must not stay alive for it
 */
export async function pause(
  durationMs: number,
  signal: AbortSignal,
  options: { readonly ref?: boolean } = {},
): Promise<void> {
  try {
    await sleep(durationMs, undefined, { signal, ...options });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
