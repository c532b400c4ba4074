import { expect, test } from "vitest";
import { callsOf, shapeOf } from "./call.ts";
import { call, query, server } from "./prepared.fixture.ts";
import { checkout, ports, span } from "./spans.fixture.ts";
import { createTrace } from "./trace.ts";

function calls(...spans: Parameters<typeof createTrace>[1]) {
  return callsOf(createTrace("t1", spans), new Map());
}

test("a call goes by its edge's port, and says who answered and whether it failed", () => {
  const found = callsOf(createTrace("t1", checkout), ports);
  expect(
    found.map(({ edge, callee, server: answering, isFailed }) => [
      edge,
      callee.kind,
      answering?.span.spanId,
      isFailed,
    ]),
  ).toEqual([
    ["gateway -> order", "service", "order", false],
    ["order -> order-db", "outside", undefined, false],
    ["order -> payment", "outside", undefined, true],
  ]);
});

test("without a port of an edge, who answers names it, then the database, then the address", () => {
  const found = calls(
    server({ spanId: "root" }),
    call({ spanId: "a", parentSpanId: "root", to: "10.0.0.7", startMs: 1 }),
    server({ spanId: "b", parentSpanId: "a", service: "order" }),
    query({ spanId: "c", parentSpanId: "root", of: "orders", startMs: 2 }),
    query({
      spanId: "d",
      parentSpanId: "root",
      of: "orders",
      startMs: 3,
      attributes: { "server.address": "db", "server.port": 5432 },
    }),
    call({
      spanId: "e",
      parentSpanId: "root",
      startMs: 4,
      attributes: { "url.full": "https://sms.example/v1" },
    }),
    span({ spanId: "f", parentSpanId: "root", startMs: 5, kind: "client" }),
    span({ spanId: "g", parentSpanId: "root", startMs: 6, kind: "client", name: "pg-pool.connect" }),
  );
  expect(found.map(({ edge, callee }) => [edge, callee.kind])).toEqual([
    ["gateway -> order", "service"],
    ["gateway -> orders", "store"],
    ["gateway -> orders@db:5432", "store"],
    ["gateway -> sms.example", "outside"],
    ["gateway -> unknown", "outside"],
  ]);
});

test("the same asked again after it failed is a retry; after it went well, or beside it, or for another, it is not", () => {
  const to = (spanId: string, path: string, startMs: number, endMs: number, status: number | "none" = 200) =>
    call({
      spanId,
      parentSpanId: "root",
      startMs,
      endMs,
      status,
      attributes: { "url.full": `http://o${path}` },
    });
  const found = calls(
    server({ spanId: "root", endMs: 200 }),
    to("first", "/a", 0, 10, 503),
    to("other", "/b", 10, 20),
    to("again", "/a", 20.5, 30, "none"),
    to("thrice", "/a", 29.4, 40),
    to("polled", "/a", 50, 60, 429),
    to("after", "/a", 70, 80),
    to("beside", "/b", 71, 80, 500),
    to("hedge", "/b", 75, 85),
    call({
      spanId: "told",
      parentSpanId: "root",
      startMs: 90,
      attributes: { "http.request.resend_count": 1 },
    }),
  );
  expect(found.filter(({ isRetry }) => isRetry).map(({ node }) => node.span.spanId)).toEqual([
    "again",
    "thrice",
    "after",
    "told",
  ]);
});

test("another host that is asked the same is no retry", () => {
  const found = calls(
    server({ spanId: "root", endMs: 200 }),
    call({ spanId: "a", parentSpanId: "root", to: "bank-a", endMs: 10, status: 503 }),
    call({ spanId: "b", parentSpanId: "root", to: "bank-b", startMs: 20, endMs: 30 }),
  );
  expect(found.map(({ isRetry }) => isRetry)).toEqual([false, false]);
});

test.each([
  ["select * from t where id = $1 and n in ($2, $3)", "select * from t where id = ? and n in (?)"],
  ["select *\n  from t1 where name = 'it''s' limit 10", "select * from t1 where name = ? limit ?"],
])("the shape of %j has no particulars", (statement, shape) => {
  const [found] = calls(query({ spanId: "q", of: "db", statement }));
  expect(found && shapeOf(found)).toBe(shape);
});

test.each([
  [{ "url.full": "http://a/v1/products/p-0006?x=1" }, "GET /v1/products/:id"],
  [{ "url.path": "/orders/7/lines" }, "GET /orders/:id/lines"],
  [{ "url.template": "/things/{id}", "url.path": "/things/7" }, "GET /things/{id}"],
  [{}, "GET"],
])("the shape of a request with %j", (attributes, shape) => {
  const [found] = calls(call({ spanId: "c", attributes }));
  expect(found && shapeOf(found)).toBe(shape);
});

test("a route that the callee tells is its shape", () => {
  const [found] = calls(
    call({ spanId: "c", attributes: { "url.path": "/anything" } }),
    server({ spanId: "s", parentSpanId: "c", service: "order", attributes: { "http.route": "/:any" } }),
  );
  expect(found && shapeOf(found)).toBe("GET /:any");
});
