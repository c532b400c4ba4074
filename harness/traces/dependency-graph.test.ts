import { expect, test } from "vitest";
import { dependencyGraph, type DeclaredEdge } from "./dependency-graph.ts";
import { call, prepared, query, server } from "./prepared.fixture.ts";

/** gateway -> order (failed when asked to) -> orders, and the gateway's mail. */
function trace(index: number, { fails = false } = {}) {
  const traceId = `t${index}`;
  return prepared(
    server({ traceId, spanId: "root", parentSpanId: "load", endMs: 100 }),
    call({
      traceId,
      spanId: "call",
      parentSpanId: "root",
      startMs: 10,
      endMs: 20 + index,
      status: fails ? 503 : 200,
    }),
    server({ traceId, spanId: "order", parentSpanId: "call", service: "order", startMs: 11, endMs: 18 }),
    query({
      traceId,
      spanId: "q",
      parentSpanId: "order",
      service: "order",
      of: "orders",
      startMs: 12,
      endMs: 15,
    }),
  );
}

const declared: readonly DeclaredEdge[] = [
  { caller: "client", callee: "gateway", isStandby: false },
  { caller: "gateway", callee: "order", isStandby: false },
  { caller: "gateway", callee: "user", isStandby: false },
  { caller: "gateway", callee: "spare", isStandby: true },
];
const entry = { service: "gateway", client: "client" };
const twenty = Array.from({ length: 20 }, (_, index) => trace(index, { fails: index < 3 }));

test("edges have rate, errors and percentiles, as far as there are calls enough for them", () => {
  const { edges, nodes } = dependencyGraph(twenty, { entry, durationMs: 10_000 });
  expect(nodes).toEqual([
    { name: "client", kind: "client" },
    { name: "gateway", kind: "service" },
    { name: "order", kind: "service" },
    { name: "orders", kind: "store" },
  ]);
  expect(edges.find(({ edge }) => edge === "gateway -> order")).toEqual({
    edge: "gateway -> order",
    caller: "gateway",
    callee: "order",
    calls: 20,
    errors: 3,
    ratePerSecond: 2,
    p50Ms: 19, // the tenth of 10, 11, …, 29
    p95Ms: undefined,
    p99Ms: undefined,
    maxMs: 29,
    slowestTraceId: "t19",
  });
  expect(edges.map(({ edge }) => edge)).toEqual(["client -> gateway", "gateway -> order", "order -> orders"]);
});

test("what was seen and not declared, and declared and never seen, are findings; standbys may rest", () => {
  const { undeclared, neverSeen } = dependencyGraph(twenty, { declared, entry, durationMs: 1_000 });
  expect(undeclared.map(({ edge }) => edge)).toEqual(["order -> orders"]);
  expect(neverSeen).toEqual(["gateway -> user"]);
});

test("without a declaration nothing is a finding, and nothing is an edge that has no calls", () => {
  expect(dependencyGraph(twenty, { durationMs: 1_000 })).toMatchObject({ undeclared: [], neverSeen: [] });
  expect(dependencyGraph([], { declared, entry, durationMs: 0 })).toMatchObject({ edges: [], nodes: [] });
});

test("a piece of a trace whose beginning was lost is not taken for what clients asked", () => {
  const piece = prepared(server({ spanId: "inner", parentSpanId: "lost", service: "order" }));
  expect(dependencyGraph([piece], { entry, durationMs: 1_000 }).edges).toEqual([]);
});
