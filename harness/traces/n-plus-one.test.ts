import { expect, test } from "vitest";
import { nPlusOne } from "./n-plus-one.ts";
import { call, prepared, query, server } from "./prepared.fixture.ts";

function listing(
  rows: number,
  statement = (index: number) => `select price from prices where id = ${index}`,
) {
  return prepared(
    server({ spanId: "root", name: "GET /products", endMs: 1_000 }),
    ...Array.from({ length: rows }, (_, index) =>
      query({
        spanId: `q${index}`,
        parentSpanId: "root",
        of: "prices",
        startMs: 10 * index,
        endMs: 10 * index + 5,
        statement: statement(index),
      }),
    ),
  );
}

test("a query for each row is one, with who asks and what", () => {
  expect(nPlusOne([listing(8), listing(20), listing(2)])).toEqual([
    {
      operation: "gateway GET /products",
      edge: "gateway -> prices",
      shape: "select price from prices where id = ?",
      parents: 2,
      traces: 2,
      mostCalls: 20,
      traceId: "t1",
      meanMs: (75 + 195) / 2,
    },
  ]);
});

test("four of the same, and many that are not the same, are none", () => {
  const letters = (index: number): string => `select ${"abcdefghij"[index]} from prices`;
  expect(nPlusOne([listing(4), listing(10, letters)])).toEqual([]);
});

test("a request for each item is one, retries of one are none", () => {
  const asked = (index: number, path: string, status: number) =>
    call({
      spanId: `c${index}`,
      parentSpanId: "root",
      to: "catalog",
      startMs: 10 * index,
      endMs: 10 * index + 5,
      status,
      attributes: { "url.path": path },
    });
  const root = server({ spanId: "root", endMs: 1_000 });
  const six = [0, 1, 2, 3, 4, 5];
  const items = prepared(root, ...six.map((index) => asked(index, `/products/p-${index}`, 200)));
  expect(nPlusOne([items])).toMatchObject([{ shape: "GET /products/:id", mostCalls: 6 }]);
  const retried = prepared(root, ...six.map((index) => asked(index, "/products/p-1", 503)));
  expect(nPlusOne([retried])).toEqual([]);
});
