import { availableParallelism, loadavg } from "node:os";

/** What the watchdog promises, on a machine that has time for it. */
const promisedMs = 10_000;

/** How long what an engine left behind may stay: that much longer where so many wait for each processor. */
export function takenBackWithinMs(): number {
  return promisedMs * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}
