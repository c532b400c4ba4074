import { expect, test } from "vitest";
import { call, prepared, query, server } from "./prepared.fixture.ts";
import { sequentialCalls } from "./sequential-calls.ts";

const root = server({ spanId: "root", name: "GET /page", endMs: 1_000 });
const to = (callee: string, startMs: number, endMs: number, status: number | "none" = 200) =>
  call({ spanId: `${callee}${startMs}`, parentSpanId: "root", to: callee, startMs, endMs, status });

test("calls one after the other could be as long as the longest", () => {
  expect(
    sequentialCalls([prepared(root, to("user", 0, 30), to("catalog", 30, 80), to("reviews", 80, 100))]),
  ).toEqual([
    {
      operation: "gateway GET /page",
      edges: ["gateway -> user", "gateway -> catalog", "gateway -> reviews"],
      parents: 1,
      traces: 1,
      sequentialMs: 100,
      parallelMs: 50,
      traceId: "t1",
    },
  ]);
});

test("calls at once are as good as they get", () => {
  expect(sequentialCalls([prepared(root, to("user", 0, 30), to("catalog", 5, 80))])).toEqual([]);
});

test("queries of one store stay one after the other: they may be one transaction", () => {
  const of = (startMs: number) =>
    query({ spanId: `q${startMs}`, parentSpanId: "root", of: "db", startMs, endMs: startMs + 10 });
  expect(sequentialCalls([prepared(root, of(0), of(10), of(20))])).toEqual([]);
  expect(sequentialCalls([prepared(root, of(0), of(10), to("user", 20, 25))])).toMatchObject([
    { edges: ["gateway -> db", "gateway -> user"], sequentialMs: 25, parallelMs: 20 },
  ]);
});

test("what comes after a failure may come because of it", () => {
  expect(sequentialCalls([prepared(root, to("bank-a", 0, 30, "none"), to("bank-b", 30, 60))])).toEqual([]);
});

test("one that overlaps ends the run: the last of it is no longer alone", () => {
  const found = sequentialCalls([
    prepared(root, to("a", 0, 10), to("b", 10, 20), to("c", 20, 40), to("d", 30, 50), to("e", 60, 70)),
  ]);
  expect(found.map(({ edges }) => edges)).toEqual([["gateway -> a", "gateway -> b"]]);
});
