import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import type { LookupFunction } from "node:net";

type Waiter = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

const waiting = new Map<string, Waiter[]>();

/**
 * Looks a name up once for all who ask while it is looked up. Node has four threads for that; without this, four
 * connections to one upstream whose name resolves slowly would hold up every other name.
 */
export const sharedLookup: LookupFunction = (hostname: string, options: LookupOptions, callback: Waiter) => {
  const key = JSON.stringify([hostname, options.family, options.hints, options.all, options.order]);
  const others = waiting.get(key);
  if (others) return void others.push(callback);
  const waiters = [callback];
  waiting.set(key, waiters);
  lookup(hostname, options, (...result) => {
    waiting.delete(key);
    for (const waiter of waiters) waiter(...result);
  });
};
