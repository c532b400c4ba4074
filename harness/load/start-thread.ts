import { parentPort, workerData } from "node:worker_threads";
import { cell, monotonicMs, type StartRing } from "./start-ring.ts";

/**
 * The thread of {@link ./start-clock.ts}: sleeps until the next time in the ring has come, counts it, and wakes the
 * thread that asked, unless that has been woken already and not yet looked.
 */

/** A sleeper sleeps up to 0.05 ms longer than it asked for (Linux's timer slack): it asks for less, and stays awake then. */
const oversleepMs = 0.05;
/** Times that come closer together than this share a wake-up: 10,000 a second need no more than 5,000. */
const shortestGapMs = 0.2;

function serve({ cells, timesMs }: StartRing, wake: () => void): never {
  let come = 0;
  let wokenAtMs = -Infinity;
  for (;;) {
    const from = Atomics.load(cells, cell.from);
    if (((from - come) | 0) > 0) come = from;
    const written = Atomics.load(cells, cell.written);
    if (come === written) {
      Atomics.wait(cells, cell.written, written);
      continue;
    }
    const nextMs = timesMs[come & (timesMs.length - 1)] as number;
    const waitMs = Math.max(nextMs, wokenAtMs + shortestGapMs) - monotonicMs();
    if (waitMs > 0) {
      if (waitMs > oversleepMs) Atomics.wait(cells, cell.from, from, waitMs - oversleepMs);
      continue;
    }
    wokenAtMs = monotonicMs();
    while (come !== written && (timesMs[come & (timesMs.length - 1)] as number) <= wokenAtMs)
      come = (come + 1) | 0;
    Atomics.store(cells, cell.come, come);
    if (Atomics.exchange(cells, cell.woken, 1) === 0) wake();
  }
}

serve(workerData as StartRing, () => parentPort?.postMessage(undefined));
