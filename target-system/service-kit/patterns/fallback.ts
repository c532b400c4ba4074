import type { Logger } from "pino";
import type { Tell } from "./pattern-event.ts";

/**
 * Something else instead of what could not be had, where an answer can do without it. It is never silent: each one served
 * is counted, and marked in the trace.
 *
 * @param name of what could not be had
 * @returns what `wanted` gives, or `substitute` when it rejects
 */
export type Fallback = <T, S>(name: string, wanted: () => Promise<T>, substitute: S) => Promise<T | S>;

export function createFallback(tell: Tell, log: Logger): Fallback {
  return async (name, wanted, substitute) => {
    try {
      return await wanted();
    } catch (error) {
      tell({ kind: "fallback", name, why: error instanceof Error ? error.message : String(error) });
      log.info({ err: error, fallback: name }, "fallback served");
      return substitute;
    }
  };
}

/** What cannot be had fails the request. */
export const noFallback: Fallback = (_name, wanted) => wanted();
