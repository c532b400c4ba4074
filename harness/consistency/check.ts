import { messageOf } from "../base/errors.ts";
import type { Row, Rows } from "../record/row.ts";
import type { Anomaly, InvariantSummary } from "../record/summary.ts";
import { checkInOrder } from "./check-in-order.ts";
import type {
  AtLeastInvariant,
  HasInvariant,
  Invariant,
  IsInvariant,
  SumInvariant,
  UniqueInvariant,
  Where,
} from "./invariant.ts";
import {
  describe,
  describeFirst,
  firstIn,
  groupByKey,
  hasValue,
  keyOf,
  numberIn,
  requireSameType,
  rowsOf,
  rowsWhere,
  valueIn,
  type Cell,
} from "./row-reading.ts";
import type { Violate, WitnessRow } from "./violation.ts";

/** Violations that are shown, and rows that each shows. */
const anomaliesShown = 10;
const witnessShown = 6;

/**
 * Checks one invariant on the rows by observation, in time linear in their number. An invariant that cannot be checked
 * is `unknown` and says why, never held: rows that could not be read, a column that is not there, a value of the wrong
 * type. It is held on no rows at all, with `checked` 0.
 */
export function checkInvariant(invariant: Invariant, rows: Rows): InvariantSummary {
  const { id, title } = invariant;
  const anomalies: Anomaly[] = [];
  let violations = 0;
  const violate: Violate = (message, witness) => {
    violations += 1;
    if (anomalies.length < anomaliesShown) anomalies.push(anomalyOf(message(), witness()));
  };
  try {
    const checked = checkRows(invariant, rows, violate);
    return { id, title, outcome: violations > 0 ? "violated" : "held", checked, violations, anomalies };
  } catch (error) {
    return {
      id,
      title,
      outcome: "unknown",
      checked: 0,
      violations: 0,
      anomalies: [],
      why: messageOf(error),
    };
  }
}

function anomalyOf(message: string, witness: readonly WitnessRow[]): Anomaly {
  const traceId = witness
    .map(({ row }) => row["traceId"])
    .find((id): id is string => typeof id === "string" && id !== "");
  return {
    message,
    witness: witness.slice(0, witnessShown).map(({ observation, row }) => ({ observation, ...row })),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

/** @returns how many rows were checked */
function checkRows(invariant: Invariant, rows: Rows, violate: Violate): number {
  const each = rowsWhere(rows, invariant.each, invariant.where);
  switch (invariant.kind) {
    case "has":
      checkHas(invariant, each, rows, violate);
      break;
    case "unique":
      checkUnique(invariant, each, violate);
      break;
    case "at-least":
      checkAtLeast(invariant, each, violate);
      break;
    case "is":
      checkIs(invariant, each, violate);
      break;
    case "in-order":
      checkInOrder(invariant, each, rows, violate);
      break;
    case "sum":
      checkSum(invariant, each, violate);
      break;
  }
  return each.length;
}

function checkHas(invariant: HasInvariant, each: readonly Row[], rows: Rows, violate: Violate): void {
  const mineColumns = Object.keys(invariant.on);
  const theirColumns = Object.values(invariant.on);
  const others = rowsOf(rows, invariant.in);
  const meant = new Set(rowsWhere(rows, invariant.in, invariant.whereIn));
  const othersByKey = groupByKey(invariant.in, others, theirColumns);
  for (const [from, to] of Object.entries(invariant.on))
    requireSameType(
      firstIn(each, from),
      firstIn(others, to),
      `${invariant.each}.${from}`,
      `${invariant.in}.${to}`,
    );

  for (const row of each) {
    const key = keyOf(invariant.each, row, mineColumns);
    const belonging = key === undefined ? [] : (othersByKey.get(key) ?? []);
    const found = belonging.filter((other) => meant.has(other));
    const witness = (shown: readonly Row[]) => (): readonly WitnessRow[] => [
      { observation: invariant.each, row },
      ...shown.map((other) => ({ observation: invariant.in, row: other })),
    ];
    const subject = (): string => `${invariant.each} ${describe(row, mineColumns)}`;
    if (!isRightCount(invariant.has, found.length)) {
      const wanted = `${words[invariant.has]} in ${invariant.in}${describeWhere(invariant.whereIn)}`;
      violate(() => `${subject()}: expected ${wanted}, found ${found.length}`, witness(belonging));
      continue;
    }
    const different = firstDifference(invariant, row, found);
    if (different !== undefined)
      violate(() => `${subject()}: ${different.message}`, witness([different.other]));
  }
}

/** The first row of those found that belongs to `row` but does not say the same. */
function firstDifference(
  { each, in: inside, equal }: HasInvariant,
  row: Row,
  found: readonly Row[],
): { readonly other: Row; readonly message: string } | undefined {
  for (const other of found)
    for (const [column, otherColumn] of Object.entries(equal)) {
      const mine = valueIn(each, row, column);
      const theirs = valueIn(inside, other, otherColumn);
      requireSameType(mine, theirs, `${each}.${column}`, `${inside}.${otherColumn}`);
      if (mine !== theirs)
        return {
          other,
          message: `${column} is ${JSON.stringify(mine)}, but ${otherColumn} in ${inside} is ${JSON.stringify(theirs)}`,
        };
    }
  return undefined;
}

const words = {
  "exactly-one": "exactly one",
  "at-least-one": "at least one",
  "at-most-one": "at most one",
  none: "none",
} as const;

function isRightCount(has: HasInvariant["has"], count: number): boolean {
  switch (has) {
    case "exactly-one":
      return count === 1;
    case "at-least-one":
      return count >= 1;
    case "at-most-one":
      return count <= 1;
    case "none":
      return count === 0;
  }
}

function checkUnique({ each: name, fields }: UniqueInvariant, each: readonly Row[], violate: Violate): void {
  for (const same of groupByKey(name, each, fields).values()) {
    const [first] = same;
    if (first === undefined || same.length === 1) continue;
    violate(
      () => `${same.length} rows of ${name} have ${describe(first, fields)}`,
      () => same.map((row) => ({ observation: name, row })),
    );
  }
}

function checkAtLeast({ each, atLeast }: AtLeastInvariant, rows: readonly Row[], violate: Violate): void {
  const isShort = (row: Row, [column, least]: Bound): boolean => numberIn(each, row, column) < least;
  checkColumns(each, rows, Object.entries(atLeast), isShort, "expected at least", violate);
}

function checkIs({ each, is }: IsInvariant, rows: readonly Row[], violate: Violate): void {
  const differs = (row: Row, [column, wanted]: readonly [string, Cell]): boolean =>
    !hasValue(each, row, column, wanted);
  checkColumns(each, rows, Object.entries(is), differs, "expected", violate);
}

type Bound = readonly [column: string, limit: number];

/** One violation for each row in which a column is not as it should be. */
function checkColumns<W extends readonly [string, Cell]>(
  name: string,
  rows: readonly Row[],
  wanted: readonly W[],
  isWrong: (row: Row, wanted: W) => boolean,
  expected: string,
  violate: Violate,
): void {
  for (const row of rows) {
    const wrong = wanted.filter((one) => isWrong(row, one));
    if (wrong.length === 0) continue;
    const said = (): string =>
      wrong
        .map(([column, value]) => `${describeCell(column, row)}, ${expected} ${JSON.stringify(value)}`)
        .join("; ");
    violate(
      () => `${name} ${describeFirst(row)}: ${said()}`,
      () => [{ observation: name, row }],
    );
  }
}

function describeCell(column: string, row: Row): string {
  return `${column} is ${JSON.stringify(row[column])}`;
}

/** What binary fractions may be off by, as a share of the sum; whole numbers are exact. */
const sumTolerance = 1e-9;

function checkSum({ each: name, of, equals }: SumInvariant, each: readonly Row[], violate: Violate): void {
  for (const row of each) {
    const sum = of.reduce((total, column) => total + numberIn(name, row, column), 0);
    const expected = numberIn(name, row, equals);
    if (Math.abs(sum - expected) <= sumTolerance * Math.abs(expected)) continue;
    violate(
      () => `${name} ${describeFirst(row)}: ${of.join(" + ")} is ${sum}, but ${equals} is ${expected}`,
      () => [{ observation: name, row }],
    );
  }
}

function describeWhere(where: Where): string {
  const conditions = Object.entries(where).map(([column, value]) => `${column} ${JSON.stringify(value)}`);
  return conditions.length === 0 ? "" : ` with ${conditions.join(", ")}`;
}
