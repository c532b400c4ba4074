import { setTimeout as delay } from "node:timers/promises";

/** Resolves when the signal aborts, or at once when it has. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export interface Abandonment {
  /** Ends it. */
  readonly halt: AbortSignal;
  /** How long it may last by itself. */
  readonly withinMs: number;
  /** How long it may go on after either. */
  readonly graceMs: number;
}

/**
 * Does work that must not hold anybody up: it is told to end when `halt` aborts or its time is over, and where it does not
 * heed that, whoever waits goes on without it.
 * @throws what the work throws; the reason of its end when it was abandoned
 */
export async function doOrAbandon<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { halt, withinMs, graceMs }: Abandonment,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`not done within ${withinMs} ms`)), withinMs);
  const end = AbortSignal.any([halt, late.signal]);
  const settled = new AbortController();
  const goneOn = whenAborted(AbortSignal.any([end, settled.signal])).then(async () => {
    await delay(graceMs, undefined, { signal: settled.signal }).catch(() => undefined);
    throw end.reason;
  });
  goneOn.catch(() => undefined); // of work that ended in time
  try {
    return await Promise.race([work(end), goneOn]);
  } finally {
    clearTimeout(timer);
    settled.abort();
  }
}
