/**
 * Cuts a call that takes too long: aborts the signal that the request itself was given, so that its connection is closed
 * and the callee hears of it. (A race that merely stops waiting leaves the request running.)
 *
 * `cut` belongs to one attempt: a signal that outlives its request gathers listeners.
 * @param endMs on the clock of performance.now(); infinity for never
 * @returns to be disposed of when the attempt is over
 */
export function cutAt(cut: AbortController, endMs: number): Disposable {
  if (!Number.isFinite(endMs)) return { [Symbol.dispose]: () => undefined };
  const timer = setTimeout(() => cut.abort(new TimeIsOver()), Math.max(1, endMs - performance.now()));
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Not an AbortError: to a trace a call that was cut is a failure, not a change of mind. */
export class TimeIsOver extends Error {
  override readonly name = "TimeIsOver";

  constructor() {
    super("no answer in time");
  }
}
