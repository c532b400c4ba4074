import type { Row } from "../record/row.ts";

/** A row as a store or an API gives it -> plain cells: times as ISO text, whatever has parts as JSON text. */
export function toRow(given: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(Object.entries(given).map(([column, value]) => [column, toCell(value)]));
}

function toCell(value: unknown): Row[string] {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (value === null || value === undefined) return null;
  return value instanceof Date ? value.toISOString() : JSON.stringify(value);
}
