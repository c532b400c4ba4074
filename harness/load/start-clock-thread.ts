import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";

/** The thread of a start clock: sleeps from one time to the next, and tells how many have come. */

const { timesMs } = workerData as { readonly timesMs: Float64Array };
const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));
/** Times so near are not worth another sleep. */
const togetherMs = 0.05;

let due = 0;
while (due < timesMs.length) {
  const waitMs = (timesMs[due] as number) - systemClock.nowMs();
  if (waitMs > 0) Atomics.wait(nobodyWakes, 0, 0, waitMs);
  const horizonMs = systemClock.nowMs() + togetherMs;
  const before = due;
  while (due < timesMs.length && (timesMs[due] as number) <= horizonMs) due += 1;
  if (due > before) parentPort?.postMessage(due);
}
