import { systemClock, type Clock } from "./clock.ts";
import { SquallError, messageOf } from "./errors.ts";

export interface WaitOptions {
  /** What is awaited, for the error: "order answers /ready". */
  readonly what: string;
  readonly withinMs: number;
  /** @default 20 */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/**
 * Calls `probe` until it returns something other than `undefined` or `false`, and returns that.
 * A probe that throws counts as "not yet"; its last error is the cause of the time-out.
 * @throws {SQUALL_TIMEOUT} when the deadline passes, naming what was awaited
 */
export async function waitFor<T>(
  options: WaitOptions,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const clock = options.clock ?? systemClock;
  const deadlineMs = clock.nowMs() + options.withinMs;
  let lastError: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (clock.nowMs() >= deadlineMs) {
      const because = lastError === undefined ? "" : ` (last error: ${messageOf(lastError)})`;
      throw new SquallError(
        "SQUALL_TIMEOUT",
        `waited ${options.withinMs} ms for: ${options.what}${because}`,
        lastError === undefined ? {} : { cause: lastError },
      );
    }
    await clock.sleep(options.everyMs ?? 20, options.signal);
  }
}

/** As {@link waitFor}; but when the deadline passes, that is all. @returns what the probe did; undefined when it did not */
export async function waitAtMost<T>(
  options: WaitOptions,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T | undefined> {
  try {
    return await waitFor(options, probe);
  } catch (error) {
    if (error instanceof SquallError && error.code === "SQUALL_TIMEOUT") return undefined;
    throw error;
  }
}
