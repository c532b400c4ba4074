import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Rows } from "../record/row.ts";
import { checkInvariant } from "./check.ts";
import type { Invariant } from "./invariant.ts";

const each = { id: "i", title: "I", each: "a", where: {} };
const hasOne: Invariant = {
  ...each,
  kind: "has",
  has: "exactly-one",
  in: "b",
  whereIn: {},
  on: { id: "of" },
  equal: {},
};

describe("what cannot be checked is unknown, and says why", () => {
  test.each<[name: string, invariant: Invariant, rows: Rows, why: string]>([
    ["rows that were never read", hasOne, { a: [] }, "b was not read"],
    ["a name every object has", { ...hasOne, in: "constructor" }, { a: [] }, "constructor was not read"],
    [
      "rows that could not be read",
      hasOne,
      { a: { error: "connection refused" }, b: [] },
      "a could not be read: connection refused",
    ],
    ["a column that is not there", hasOne, { a: [{ no: 1 }], b: [] }, 'no column "id" (it has no)'],
    ["a column that is not there on the other side", hasOne, { a: [], b: [{ id: 1 }] }, 'no column "of"'],
    [
      "a condition on a column that is not there",
      { ...hasOne, where: { state: "x" } },
      { a: [{ id: 1 }], b: [] },
      'no column "state"',
    ],
    [
      "a condition of another type",
      { ...hasOne, where: { id: "1" } },
      { a: [{ id: 1 }], b: [] },
      "a.id is 1, expected a string",
    ],
    [
      "ids of different types",
      hasOne,
      { a: [{ id: 1 }], b: [{ of: "1" }] },
      "a.id is a number, but b.of is a string",
    ],
    [
      "amounts of different types",
      { ...hasOne, equal: { n: "m" } },
      { a: [{ id: 1, n: 5 }], b: [{ of: 1, m: "5" }] },
      "a.n is a number, but b.m is a string",
    ],
    [
      "a bound on a text",
      { ...each, kind: "at-least", atLeast: { n: 0 } },
      { a: [{ n: "5" }] },
      'a.n is "5", expected a number',
    ],
    [
      "a sum with a null",
      { ...each, kind: "sum", of: ["n"], equals: "m" },
      { a: [{ n: null, m: 1 }] },
      "a.n is null",
    ],
    [
      "a wanted value of another type",
      { ...each, kind: "is", is: { n: 1 } },
      { a: [{ n: "1" }] },
      'a.n is "1", expected a number',
    ],
    [
      "an order by a text",
      { ...each, kind: "in-order", of: "n", by: "at", per: ["id"] },
      { a: [{ id: 1, n: 1, at: "09:00" }] },
      'a.at is "09:00", expected a number',
    ],
    [
      "an order of rows whose other half was not read",
      { ...each, kind: "in-order", of: "n", by: "at", per: ["id"], in: "b", on: { id: "of" } },
      { a: [] },
      "b was not read",
    ],
    [
      "a unique column that is not there",
      { ...each, kind: "unique", fields: ["x"] },
      { a: [{ n: 1 }] },
      'no column "x"',
    ],
  ])("%s", (_name, checked, rows, why) => {
    const summary = checkInvariant(checked, rows);
    expect(summary).toMatchObject({ outcome: "unknown", checked: 0, violations: 0, anomalies: [] });
    expect(summary.why).toContain(why);
  });
});

test("no rows hold anything, and it says that none were checked", () => {
  expect(checkInvariant(hasOne, { a: [], b: [] })).toMatchObject({ outcome: "held", checked: 0 });
});

test("null belongs to nothing: it matches no row and is no duplicate", () => {
  expect(checkInvariant(hasOne, { a: [{ id: null }], b: [{ of: null }] }).violations).toBe(1);
  const unique: Invariant = { ...each, kind: "unique", fields: ["id"] };
  expect(checkInvariant(unique, { a: [{ id: null }, { id: null }] }).outcome).toBe("held");
});

test("of many violations ten are shown and all are counted", () => {
  const rows = { a: Array.from({ length: 1_000 }, (_, id) => ({ id })), b: [] };
  const summary = checkInvariant(hasOne, rows);
  expect(summary).toMatchObject({ outcome: "violated", checked: 1_000, violations: 1_000 });
  expect(summary.anomalies).toHaveLength(10);
});

test("fractions that binary cannot hold still add up", () => {
  const sum: Invariant = { ...each, kind: "sum", of: ["x", "y"], equals: "z" };
  expect(checkInvariant(sum, { a: [{ x: 0.1, y: 0.2, z: 0.3 }] }).outcome).toBe("held");
  expect(checkInvariant(sum, { a: [{ x: 1, y: -1, z: 0 }] }).outcome).toBe("held");
  expect(checkInvariant(sum, { a: [{ x: 1, y: 1, z: 1 }] }).outcome).toBe("violated");
});

test("100,000 rows on each side are checked by hashing, not by comparing each with each", () => {
  const count = 100_000;
  const rows = {
    a: Array.from({ length: count }, (_, id) => ({ id })),
    b: Array.from({ length: count }, (_, index) => ({ of: count - 1 - index })),
  };
  expect(checkInvariant(hasOne, rows)).toMatchObject({ outcome: "held", checked: count });
}, 10_000);

const smallRows = fc.array(fc.record({ id: fc.nat(6) }), { maxLength: 12 });
const counts = {
  "exactly-one": (n: number) => n === 1,
  "at-least-one": (n: number) => n >= 1,
  "at-most-one": (n: number) => n <= 1,
  none: (n: number) => n === 0,
};

test.each(Object.entries(counts))("%s finds the rows that counting by hand finds", (has, isRight) => {
  fc.assert(
    fc.property(smallRows, smallRows, (a, b) => {
      const summary = checkInvariant(
        { ...hasOne, has: has as keyof typeof counts, on: { id: "id" } },
        { a, b },
      );
      const wrong = a.filter(({ id }) => !isRight(b.filter((other) => other.id === id).length));
      expect(summary.violations).toBe(wrong.length);
      expect(summary.checked).toBe(a.length);
    }),
  );
});

test("unique finds each value that is there more than once", () => {
  fc.assert(
    fc.property(smallRows, (a) => {
      const summary = checkInvariant({ ...each, kind: "unique", fields: ["id"] }, { a });
      const repeated = new Set(a.map(({ id }) => id).filter((id, index, ids) => ids.indexOf(id) !== index));
      expect(summary.violations).toBe(repeated.size);
    }),
  );
});

const inOrder: Invariant = { ...each, kind: "in-order", of: "n", by: "at", per: ["id"] };

test("a row that has no other half, or two, is out of any order", () => {
  const joined: Invariant = { ...inOrder, per: ["k"], in: "b", on: { id: "of" } };
  const a = [
    { id: 1, at: 1 },
    { id: 2, at: 2 },
    { id: 3, at: 3 },
  ];
  const b = [
    { of: 1, k: 1, n: 1 },
    { of: 2, k: 1, n: 2 },
    { of: 2, k: 1, n: 2 },
  ];
  const { violations, anomalies } = checkInvariant(joined, { a, b });
  expect(violations).toBe(2);
  expect(anomalies.map(({ message }) => message)).toEqual([
    "a id 2: expected exactly one in b, found 2",
    "a id 3: expected exactly one in b, found 0",
  ]);
});

test("in-order finds each step back within a group, and none where each follows the one before", () => {
  const rows = fc.array(fc.record({ id: fc.nat(2), n: fc.nat(5) }), { maxLength: 12 });
  fc.assert(
    fc.property(rows, (given) => {
      const a = given.map((row, at) => ({ ...row, at }));
      const back = a.filter(
        ({ id, n, at }) => n <= (a.findLast((other) => other.id === id && other.at < at)?.n ?? -1),
      );
      expect(checkInvariant(inOrder, { a: a.toReversed() }).violations).toBe(back.length);
    }),
  );
});

test("the order of rows does not matter", () => {
  fc.assert(
    fc.property(smallRows, smallRows, (a, b) => {
      const checked: Invariant = { ...hasOne, on: { id: "id" } };
      expect(checkInvariant(checked, { a: a.toReversed(), b: b.toReversed() }).violations).toBe(
        checkInvariant(checked, { a, b }).violations,
      );
    }),
  );
});
