/**
 * Consistency: what must be true of the rows that were read when a run had settled (the stores, the payment gateways'
 * ledgers, the mailbox) and of what clients were told.
 *
 *   history ─toldRows→ rows ─┐
 *   stores, ledgers ────────→ rows ─checkInvariant(invariant)→ held | violated (with witness) | unknown (and why)
 */
export type { Row, Rows } from "../record/row.ts";

/** Values that columns must equal for a row to be meant. */
export type Where = Readonly<Record<string, string | number | boolean>>;

interface Common {
  readonly id: string;
  readonly title: string;
  /** The observation whose rows are checked, and which of its rows. */
  readonly each: string;
  readonly where: Where;
}

/** Each row has so many rows in another observation that match it. */
export interface HasInvariant extends Common {
  readonly kind: "has";
  readonly has: "exactly-one" | "at-least-one" | "at-most-one" | "none";
  readonly in: string;
  readonly whereIn: Where;
  /** Columns that make two rows belong together: column of `each` -> column of `in`. */
  readonly on: Readonly<Record<string, string>>;
  /** Columns that must be equal in rows that belong together. */
  readonly equal: Readonly<Record<string, string>>;
}

/** No two rows have the same values in these columns. */
export interface UniqueInvariant extends Common {
  readonly kind: "unique";
  readonly fields: readonly string[];
}

/** Each row's columns are at least this much. */
export interface AtLeastInvariant extends Common {
  readonly kind: "at-least";
  readonly atLeast: Readonly<Record<string, number>>;
}

/** Each row's columns have these values. */
export interface IsInvariant extends Common {
  readonly kind: "is";
  readonly is: Where;
}

/**
 * Of the rows that agree in the columns `per`, taken in the order of `by`, each has a higher `of` than the one before. Each
 * row is joined with the one row of `in` that belongs to it; a column that both have is the row's own.
 */
export interface InOrderInvariant extends Common {
  readonly kind: "in-order";
  readonly of: string;
  readonly by: string;
  readonly per: readonly string[];
  readonly in?: string | undefined;
  readonly on?: Readonly<Record<string, string>> | undefined;
}

/** Of each row, the sum of some columns is another. */
export interface SumInvariant extends Common {
  readonly kind: "sum";
  readonly of: readonly string[];
  readonly equals: string;
}

export type Invariant =
  HasInvariant | UniqueInvariant | AtLeastInvariant | IsInvariant | SumInvariant | InOrderInvariant;
