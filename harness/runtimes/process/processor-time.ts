import { withDescendants } from "./memory.ts";
import { statOf } from "../process-identity.ts";

/** What `/proc` counts in: 100 a second on every Linux that there is (USER_HZ). */
const tickMs = 10;

/**
 * Processor time that a process and all that it started have used, those that have ended among them: proc_pid_stat(5).
 * @returns milliseconds, in steps of ten; `undefined` when it is gone
 */
export function processorTimeMs(pid: number): number | undefined {
  if (statOf(pid).length === 0) return undefined;
  let ticks = 0;
  for (const one of withDescendants([pid]))
    // Fields 14 to 17: utime, stime, and those of children that were waited for.
    for (const field of statOf(one).slice(11, 15)) ticks += Number(field);
  return ticks * tickMs;
}
