import { systemClock } from "../base/clock.ts";

/**
 * Calls back at given times, to a fraction of a millisecond. Node's own timers count in whole milliseconds, and are up
 * to one late.
 *
 *   due in 20 ms: ── one timer, set to the early side ──→ naps of 0.1 ms, the event loop turns between them ──→ due
 *
 * One timer of Node's serves all times, and only the earliest is waited for. A nap stops the whole thread, so bytes that
 * come meanwhile are read up to {@link longestNapMs} later (and what the system adds, about 0.05 ms); in return the last
 * millisecond costs next to no processor. Turning the loop without naps was no more exact and cost five times that; a
 * thread that sleeps and then wakes this one was later, since two threads had to be given a processor instead of one.
 */
export class PreciseTimer {
  readonly #waiting = new DueHeap();
  #timer: NodeJS.Timeout | undefined;
  /** What the timer is set for. */
  #timerDueMs = Infinity;
  #immediate: NodeJS.Immediate | undefined;

  /**
   * Calls back once, at `dueMs` (epoch milliseconds, as `systemClock` counts) or as soon after as can be, never before
   * this call has returned. Callbacks come in order of their times. A pending one keeps the process alive, as a timer of
   * Node's does.
   */
  at(dueMs: number, callback: () => void): Alarm {
    const entry = this.#waiting.add(dueMs, callback);
    if (entry.index === 0) this.#arm();
    return {
      cancel: () => {
        if (entry.index < 0) return;
        const wasFirst = entry.index === 0;
        this.#waiting.remove(entry);
        if (wasFirst) this.#arm();
      },
    };
  }

  /** Calls back once, `delayMs` milliseconds from now; else as {@link at}. */
  after(delayMs: number, callback: () => void): Alarm {
    return this.at(systemClock.nowMs() + delayMs, callback);
  }

  #turn(): void {
    const nowMs = systemClock.nowMs();
    const { added } = this.#waiting;
    try {
      for (;;) {
        const { first } = this.#waiting;
        // What a callback adds waits for the next turn, so that nobody holds up the event loop.
        if (first === undefined || first.dueMs > nowMs || first.order >= added) return;
        this.#waiting.remove(first);
        first.callback();
      }
    } finally {
      this.#arm();
    }
  }

  #arm(): void {
    const { first } = this.#waiting;
    const waitMs = first === undefined ? Infinity : first.dueMs - systemClock.nowMs();
    if (waitMs < 1 + earlyMs) {
      this.#setTimer(Infinity, 0);
      this.#immediate ??= setImmediate(() => {
        this.#immediate = undefined;
        this.#nap();
        this.#turn();
      });
      return;
    }
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#setTimer(first?.dueMs ?? Infinity, Math.min(Math.floor(waitMs - earlyMs), longestTimerMs));
  }

  #setTimer(dueMs: number, waitMs: number): void {
    if (dueMs === this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer =
      dueMs === Infinity
        ? undefined
        : setTimeout(() => {
            this.#timerDueMs = Infinity;
            this.#turn();
          }, waitMs);
  }

  #nap(): void {
    const dueMs = this.#waiting.first?.dueMs ?? 0;
    const napMs = Math.min(dueMs - systemClock.nowMs() - wakeUpMs, longestNapMs);
    if (napMs > 0 && canNap) Atomics.wait(neverWoken, 0, 0, napMs);
  }
}

/** A pending call. */
export interface Alarm {
  /** The call is not made, if it has not been made yet. */
  cancel(): void;
}

/** How much too early the timer of Node's is set at least: it is seldom later than that, though it can be by 1 ms. */
const earlyMs = 0.5;
const longestNapMs = 0.1;
/** What it takes to wake up from a nap: Linux lets a sleeper sleep 0.05 ms longer than it asked for. */
const wakeUpMs = 0.05;
/** The longest that a timer of Node's can wait: 24.8 days; then it is set again. */
const longestTimerMs = 2_147_483_647;
/** On Windows a sleep may last as long as a tick of its clock, up to 16 ms. */
const canNap = process.platform !== "win32";
const neverWoken = new Int32Array(new SharedArrayBuffer(4));

interface Entry {
  readonly dueMs: number;
  /** Which of all that were ever added. */
  readonly order: number;
  readonly callback: () => void;
  /** Where it is in the heap; -1 when it is not. */
  index: number;
}

/** A binary heap, the earliest first; of equal times the one added first. */
class DueHeap {
  readonly #entries: Entry[] = [];
  /** How many ever were. */
  added = 0;

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  add(dueMs: number, callback: () => void): Entry {
    const entry: Entry = { dueMs, order: this.added, callback, index: this.#entries.length };
    this.added += 1;
    this.#entries.push(entry);
    this.#rise(entry);
    return entry;
  }

  remove(entry: Entry): void {
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#put(last, entry.index);
      this.#rise(last);
      this.#sink(last);
    }
    entry.index = -1;
  }

  #rise(entry: Entry): void {
    while (entry.index > 0) {
      const parentIndex = (entry.index - 1) >> 1;
      const parent = this.#entries[parentIndex];
      if (parent === undefined || isBefore(parent, entry)) return;
      this.#put(parent, entry.index);
      this.#put(entry, parentIndex);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#entries[2 * entry.index + 1];
      const right = this.#entries[2 * entry.index + 2];
      const least = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (least === undefined || isBefore(entry, least)) return;
      const { index } = least;
      this.#put(least, entry.index);
      this.#put(entry, index);
    }
  }

  #put(entry: Entry, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}

/** The one of this process: there is one event loop to turn. */
export const preciseTimer = new PreciseTimer();
