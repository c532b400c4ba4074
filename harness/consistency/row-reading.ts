import { isUnread, type Row, type Rows } from "../record/row.ts";
import type { Where } from "./invariant.ts";
import { toldName } from "./told.ts";

/** Reading of rows for a check. Whatever is not there, or of the wrong type, throws: the invariant is then unknown. */

export type Cell = Row[string];

/** @throws when there is no such observation, or it could not be read */
export function rowsOf(rows: Rows, name: string): readonly Row[] {
  const observed = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (observed === undefined) throw new Error(`${name} was not read`);
  if (isUnread(observed)) throw new Error(`${name} could not be read: ${observed.error}`);
  return observed;
}

/** The rows whose columns have these values. Only what clients were told may lack a column: it is then not meant. */
export function rowsWhere(rows: Rows, name: string, where: Where): readonly Row[] {
  const conditions = Object.entries(where);
  return rowsOf(rows, name).filter((row) =>
    conditions.every(([column, wanted]) => {
      if (name === toldName && !Object.hasOwn(row, column)) return false;
      return hasValue(name, row, column, wanted);
    }),
  );
}

/** Rows by the values of some columns. Null is equal to nothing, as in SQL: rows with one are left out. */
export function groupByKey(
  name: string,
  rows: readonly Row[],
  columns: readonly string[],
): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    if (name === toldName && columns.some((column) => !Object.hasOwn(row, column))) continue;
    const key = keyOf(name, row, columns);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

export function keyOf(name: string, row: Row, columns: readonly string[]): string | undefined {
  const values = columns.map((column) => valueIn(name, row, column));
  return values.includes(null) ? undefined : JSON.stringify(values);
}

/**
 * Ids that are texts on one side and numbers on the other would match nothing, and look like violations.
 * @throws when the two are of different types
 */
export function requireSameType(mine: Cell, theirs: Cell, mineName: string, theirsName: string): void {
  if (mine !== null && theirs !== null && typeof mine !== typeof theirs)
    throw new Error(`${mineName} is a ${typeof mine}, but ${theirsName} is a ${typeof theirs}`);
}

export function firstIn(rows: readonly Row[], column: string): Cell {
  return rows.find((row) => row[column] !== undefined && row[column] !== null)?.[column] ?? null;
}

/** @throws when the row has no such column */
export function valueIn(name: string, row: Row, column: string): Cell {
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  if (value === undefined)
    throw new Error(`a row of ${name} has no column "${column}" (it has ${Object.keys(row).join(", ")})`);
  return value;
}

/** @throws when there is no such column, or what is in it is of another type */
export function hasValue(name: string, row: Row, column: string, wanted: Cell): boolean {
  const value = valueIn(name, row, column);
  if (value !== null && typeof value !== typeof wanted)
    throw new Error(mismatch(name, column, value, wanted));
  return value === wanted;
}

/** @throws when the value is no number */
export function numberIn(name: string, row: Row, column: string): number {
  const value = valueIn(name, row, column);
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Error(mismatch(name, column, value, 0));
  return value;
}

export function mismatch(name: string, column: string, value: unknown, wanted: unknown): string {
  return `${name}.${column} is ${JSON.stringify(value)}, expected a ${typeof wanted}`;
}

export function describe(row: Row, columns: readonly string[]): string {
  return columns.map((column) => `${column} ${JSON.stringify(row[column])}`).join(", ");
}

/** By its first column, which names it in any query that a person wrote. */
export function describeFirst(row: Row): string {
  return describe(row, Object.keys(row).slice(0, 1));
}
