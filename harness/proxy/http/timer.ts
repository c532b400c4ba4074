import { longestMs } from "../toxics/toxic-kind.ts";

/** Something that will happen, unless it is cancelled. */
export interface Alarm {
  cancel(): void;
}

/** Calls back once, `delayMs` milliseconds from now, never before this call has returned. */
export function after(delayMs: number, callback: () => void): Alarm {
  const timer = setTimeout(callback, Math.min(Math.ceil(delayMs), longestMs));
  return { cancel: () => clearTimeout(timer) };
}
