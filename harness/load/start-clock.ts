import { Worker } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { cell, monotonicMs, type StartRing } from "./start-ring.ts";

/**
 * Calls back at given times, to a tenth of a millisecond. Node's own timers count in whole milliseconds; so a thread of
 * its own sleeps until the next time and then wakes this one, which meanwhile reads answers as they come.
 *
 *   times ─→ ring in shared memory ─→ thread: sleeps, counts what has come ─wake→ this thread: what is due
 *
 * What else was tried, and what each costs: docs/adr/0010-a-thread-that-says-when.md.
 */
export interface StartClock extends Disposable {
  /**
   * Calls `onDue` for each item when its time has come, in order, never before it. One schedule at a time.
   * @param items in order of time; taken as they are needed
   * @param timeMsOf epoch milliseconds
   */
  schedule<T>(items: Iterable<T>, timeMsOf: (item: T) => number, onDue: (item: T) => void): Schedule;
}

export interface Schedule extends Disposable {
  /** Items whose time has come. */
  readonly come: number;
  /** Resolves when `onDue` was called for all items; rejects with what it throws. */
  readonly done: Promise<void>;
}

/** How many times the thread knows ahead: a quarter of a second at 16,000 a second. */
const ringLength = 4_096;
/** After so many calls in a row the event loop turns, so that a late clock that catches up reads answers meanwhile. */
const mostInARow = 128;

export function createStartClock(): StartClock {
  const ring: StartRing = {
    cells: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * Object.keys(cell).length)),
    timesMs: new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT * ringLength)),
  };
  const thread = new Worker(new URL("start-thread.ts", import.meta.url), {
    workerData: ring,
    execArgv: [],
    // It runs one loop and allocates next to nothing.
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
  });
  let current: RunningSchedule | undefined;
  let broken: { readonly error: unknown } | undefined;
  thread.on("message", () => {
    Atomics.store(ring.cells, cell.woken, 0);
    current?.take();
  });
  thread.on("error", (error) => {
    broken = { error };
    current?.fail(error);
  });
  return {
    schedule(items, timeMsOf, onDue) {
      current?.[Symbol.dispose]();
      current = runSchedule(ring, items, timeMsOf, onDue);
      if (broken !== undefined) current.fail(broken.error);
      return current;
    },
    [Symbol.dispose]() {
      current?.[Symbol.dispose]();
      void thread.terminate();
    },
  };
}

interface RunningSchedule extends Schedule {
  /** Calls what is due. */
  take(): void;
  fail(error: unknown): void;
}

function runSchedule<T>(
  { cells, timesMs }: StartRing,
  items: Iterable<T>,
  timeMsOf: (item: T) => number,
  onDue: (item: T) => void,
): RunningSchedule {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  // In this order: what passes between the two readings makes starts late by so much, never early.
  const nowMs = systemClock.nowMs();
  const toMonotonicMs = monotonicMs() - nowMs;
  const iterator = items[Symbol.iterator]();
  /** Those in the ring, each at its place there. */
  const waiting = new Array<T>(timesMs.length);
  const first = Atomics.load(cells, cell.written);
  let written = 0;
  let taken = 0;
  let isExhausted = false;
  let isOver = false;
  let turning: NodeJS.Immediate | undefined;

  const come = (): number => Math.max(0, (Atomics.load(cells, cell.come) - first) | 0);
  const placeOf = (count: number): number => (first + count) & (timesMs.length - 1);
  /** Puts more times into the ring, when half of it is free. */
  const refill = (): void => {
    if (isExhausted || written - taken > timesMs.length / 2) return;
    for (; written - taken < timesMs.length; written += 1) {
      const next = iterator.next();
      if (next.done === true) {
        isExhausted = true;
        break;
      }
      const place = placeOf(written);
      waiting[place] = next.value;
      timesMs[place] = timeMsOf(next.value) + toMonotonicMs;
    }
    Atomics.store(cells, cell.written, (first + written) | 0);
    Atomics.notify(cells, cell.written);
  };
  const end = (): void => {
    isOver = true;
    clearImmediate(turning);
  };
  const fail = (error: unknown): void => {
    end();
    reject(error);
  };
  const take = (): void => {
    if (isOver) return;
    try {
      const until = Math.min(come(), taken + mostInARow);
      while (taken < until) {
        const item = waiting[placeOf(taken)] as T;
        taken += 1;
        onDue(item);
      }
      refill();
    } catch (error) {
      return fail(error);
    }
    if (isExhausted && taken === written) {
      end();
      resolve();
    } else if (taken < come()) {
      clearImmediate(turning);
      turning = setImmediate(take);
    }
  };
  take();

  return {
    done,
    get come() {
      return isOver ? taken : Math.max(taken, come());
    },
    take,
    fail,
    [Symbol.dispose]() {
      if (isOver) return;
      end();
      Atomics.store(cells, cell.from, (first + written) | 0);
      Atomics.notify(cells, cell.from);
    },
  };
}
