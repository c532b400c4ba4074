import { systemClock } from "../base/clock.ts";

/**
 * Calls back at given times. A timer of Node's ends up to a millisecond early or late: the clock sets it to the early
 * side and lets the event loop turn for the rest, so that answers are read meanwhile. That costs up to a millisecond of
 * a processor each time; where times come more often than {@link rareGapMs}, they are left to the timer's late side.
 *
 * A thread that sleeps to the exact time and then wakes this one was later, not earlier, on a busy machine: two threads
 * had to wait for a processor instead of one (12 ms at the 99th percentile, where this was late by 2).
 */
export interface StartClock extends Disposable {
  /** Resolves when all times have come. */
  readonly done: Promise<void>;
}

const rareGapMs = 4;

/**
 * @param timesMs epoch milliseconds, ascending
 * @param onDue told how many of the times, from the first, have come
 */
export function startClock(timesMs: readonly number[], onDue: (count: number) => void): StartClock {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const spanMs = (timesMs.at(-1) ?? 0) - (timesMs[0] ?? 0);
  const areRare = spanMs >= timesMs.length * rareGapMs;
  let due = 0;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;

  const turn = (): void => {
    if (isOver) return;
    const before = due;
    const nowMs = systemClock.nowMs();
    while (due < timesMs.length && (timesMs[due] as number) <= nowMs) due += 1;
    try {
      if (due > before) onDue(due);
    } catch (error) {
      return reject(error);
    }
    if (due === timesMs.length) return resolve();
    const waitMs = (timesMs[due] as number) - systemClock.nowMs();
    if (waitMs > 1) timer = setTimeout(turn, Math.floor(waitMs));
    else if (areRare) setImmediate(turn);
    else timer = setTimeout(turn, 1);
  };
  turn();

  return {
    done,
    [Symbol.dispose]() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
