import { z } from "zod";

/** One row of an observation: what a store, a ledger or a mailbox holds, or what a client was told. */
export const rowSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
export type Row = Readonly<z.output<typeof rowSchema>>;

/** An observation that could not be read: nothing can be said from it, least of all that it was empty. */
export interface Unread {
  readonly error: string;
}

/** By name of the observation: its rows, or why there are none. */
export type Rows = Readonly<Record<string, readonly Row[] | Unread>>;

export function isUnread(observed: readonly Row[] | Unread): observed is Unread {
  return "error" in observed;
}
