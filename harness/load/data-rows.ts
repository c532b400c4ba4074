import type { Random } from "../base/random.ts";
import type { DataFile } from "./data-file.ts";

/** What one journey may take of a data file. */
export interface DataRows<T> {
  /** All of them, in the order of the file. */
  readonly rows: readonly T[];
  /** One by the journey's own random stream. */
  pick(): T;
  /** The row whose turn it is: one an arrival, in the order of arrival; from the first again after the last. */
  next(): T;
  /** The virtual user's own row, the same in all its journeys. @throws when there are more users than rows */
  own(): T;
}

/** The rows of a file as one journey takes them. */
export function rowsFor<T>(
  { file, rows }: DataFile<T>,
  { random, arrival, user }: { readonly random: Random; readonly arrival: number; readonly user: number },
): DataRows<T> {
  return {
    rows,
    pick: () => random.pick(rows),
    next: () => rows[arrival % rows.length] as T,
    own() {
      const row = rows[user];
      if (row === undefined)
        throw new RangeError(
          `${file} has ${rows.length} rows: virtual user ${user} (counted from 0) has none of its own`,
        );
      return row;
    },
  };
}
