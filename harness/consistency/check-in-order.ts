import type { Row, Rows } from "../record/row.ts";
import type { InOrderInvariant } from "./invariant.ts";
import { describe, firstIn, groupByKey, keyOf, numberIn, requireSameType, rowsOf } from "./row-reading.ts";
import type { Violate } from "./violation.ts";

export function checkInOrder(
  { each: name, of, by, per, in: inside, on }: InOrderInvariant,
  each: readonly Row[],
  rows: Rows,
  violate: Violate,
): void {
  const joined =
    inside === undefined || on === undefined ? each : joinRows({ name, each, inside, on, rows, violate });
  for (const same of groupByKey(name, joined, per).values()) {
    const placed = same.map((row) => ({
      row,
      value: numberIn(name, row, of),
      place: numberIn(name, row, by),
    }));
    for (const [before, after] of pairsOf(placed.toSorted((a, b) => a.place - b.place))) {
      if (before.value < after.value) continue;
      violate(
        () =>
          `${name} ${describe(before.row, per)}: ${of} ${after.value} came after ${before.value}, by ${by} ${after.place} after ${before.place}`,
        () => [before, after].map(({ row }) => ({ observation: name, row })),
      );
    }
  }
}

/** Each with the one that follows it. */
function pairsOf<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.slice(1).map((item, index) => [items[index] as T, item]);
}

interface Join {
  readonly name: string;
  readonly each: readonly Row[];
  readonly inside: string;
  readonly on: Readonly<Record<string, string>>;
  readonly rows: Rows;
  readonly violate: Violate;
}

/** Each row with what the row that belongs to it says; one that belongs to none, or to several, is a violation. */
function joinRows({ name, each, inside, on, rows, violate }: Join): readonly Row[] {
  const mineColumns = Object.keys(on);
  const others = rowsOf(rows, inside);
  for (const [from, to] of Object.entries(on))
    requireSameType(firstIn(each, from), firstIn(others, to), `${name}.${from}`, `${inside}.${to}`);
  const othersByKey = groupByKey(inside, others, Object.values(on));
  return each.flatMap((row) => {
    const key = keyOf(name, row, mineColumns);
    const belonging = key === undefined ? [] : (othersByKey.get(key) ?? []);
    const [other, ...more] = belonging;
    if (other !== undefined && more.length === 0) return [{ ...other, ...row }];
    violate(
      () =>
        `${name} ${describe(row, mineColumns)}: expected exactly one in ${inside}, found ${belonging.length}`,
      () => [{ observation: name, row }, ...belonging.map((shown) => ({ observation: inside, row: shown }))],
    );
    return [];
  });
}
