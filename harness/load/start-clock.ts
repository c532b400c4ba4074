import { Worker } from "node:worker_threads";

/**
 * Calls back at given times, to a fraction of a millisecond, also while the event loop is busy with answers. Node's own
 * timers are whole milliseconds and wait behind whatever is in the queue; a thread that sleeps with `Atomics.wait` wakes
 * on time and posts a message, which comes ahead of the loop's timers.
 */
export interface StartClock extends Disposable {
  readonly done: Promise<void>;
}

const source = `
const { parentPort, workerData } = require("node:worker_threads");
const { times } = workerData;
const cell = new Int32Array(new SharedArrayBuffer(4));
const now = () => performance.timeOrigin + performance.now();
let next = 0;
while (next < times.length) {
  const wait = times[next] - now();
  if (wait > 0) Atomics.wait(cell, 0, 0, wait);
  const from = next;
  const at = now();
  while (next < times.length && times[next] <= at + 0.05) next += 1;
  if (next > from) parentPort.postMessage(next);
}
`;

/**
 * @param timesMs epoch milliseconds, ascending
 * @param onDue told how many of the times, from the first, have come
 */
export function startClock(timesMs: Float64Array, onDue: (count: number) => void): StartClock {
  const worker = new Worker(source, { eval: true, workerData: { times: timesMs } });
  worker.on("message", onDue);
  return {
    done: new Promise((resolve, reject) => {
      worker.on("exit", () => resolve());
      worker.on("error", reject);
    }),
    [Symbol.dispose]: () => void worker.terminate(),
  };
}
