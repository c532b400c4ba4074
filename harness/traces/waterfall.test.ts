import fc from "fast-check";
import { expect, test } from "vitest";
import type { Span } from "../record/span.ts";
import { checkout, ports, span } from "./spans.fixture.ts";
import { groupTraces } from "./trace.ts";
import { waterfallOf } from "./waterfall.ts";

function waterfall(spans: readonly Span[], maxSpans?: number) {
  const trace = groupTraces(spans).get("t1");
  if (trace === undefined) throw new Error("no such trace");
  return waterfallOf(trace, ports, maxSpans);
}

test("a waterfall lists parents before their children, with depth, edge and why a call failed", () => {
  const later = checkout.map((one) => ({ ...one, startMs: one.startMs + 5_000, endMs: one.endMs + 5_000 }));
  const lines = waterfall(later);
  expect(lines.map(({ depth, name, startMs, durationMs }) => [depth, name, startMs, durationMs])).toEqual([
    [0, "POST /api/checkout", 0, 120],
    [1, "POST", 5, 110],
    [2, "POST /orders", 6, 108],
    [3, "pg.query:INSERT orders", 7, 2],
    [3, "POST", 10, 100],
  ]);
  expect(lines[4]).toEqual({
    service: "order",
    name: "POST",
    kind: "client",
    edge: "order -> payment",
    depth: 3,
    startMs: 10,
    durationMs: 100,
    isError: true,
    note: "The operation was aborted due to timeout",
    path: [{ startMs: 10, durationMs: 100 }],
  });
  // The root waited for itself, then for the gateway's call, and so on: every millisecond is somebody's.
  const pathMs = lines.flatMap(({ path = [] }) => path).reduce((sum, { durationMs }) => sum + durationMs, 0);
  expect(pathMs).toBe(120);
  expect(lines[1]).not.toHaveProperty("note");
});

test("events stand at their time, and what is left out leaves its part of the critical path to the span above", () => {
  const retried = span({
    spanId: "root",
    startMs: 1_000,
    endMs: 1_100,
    events: [{ name: "retry", atMs: 1_040, attributes: { "shop.attempt": 2 } }],
  });
  const child = span({ spanId: "child", parentSpanId: "root", startMs: 1_020, endMs: 1_090 });
  expect(waterfall([retried, child], 1)).toMatchObject([
    {
      events: [{ name: "retry", atMs: 40, detail: "attempt 2" }],
      path: [{ startMs: 0, durationMs: 100 }],
      note: "1 shorter span not shown",
    },
  ]);
});

test("an answered 4xx is noted but no error", () => {
  const answered = span({
    spanId: "a",
    kind: "client",
    isError: true,
    attributes: { "http.request.method": "POST", "http.response.status_code": 409 },
  });
  expect(waterfall([answered])[0]).toMatchObject({ isError: false, note: "HTTP 409" });
});

test("what lost its parent is drawn as a root of its own", () => {
  const lines = waterfall(checkout.filter(({ spanId }) => spanId !== "to-order"));
  expect(lines.map(({ depth, name }) => [depth, name])).toEqual([
    [0, "POST /api/checkout"],
    [0, "POST /orders"],
    [1, "pg.query:INSERT orders"],
    [1, "POST"],
  ]);
});

test("of a large trace the failed and the longest spans are kept, and it says how many are not", () => {
  const noise = Array.from({ length: 200 }, (_, index) =>
    span({
      spanId: `n${index}`,
      parentSpanId: "order",
      startMs: 20 + index / 10,
      endMs: 20 + index / 10 + 0.05,
    }),
  );
  const failed = span({
    spanId: "brief",
    parentSpanId: "n150",
    isError: true,
    startMs: 35,
    endMs: 35.01,
  });
  const lines = waterfall([...checkout, ...noise, failed], 10);
  expect(lines).toHaveLength(10);
  expect(lines.map(({ name }) => name)).toEqual(expect.arrayContaining(["brief", "n150", "POST /orders"]));
  expect(lines[0]?.note).toBe("196 shorter spans not shown");
});

test("whatever the tree, at most so many lines, never a child without its parent", () => {
  const tree = fc.array(fc.tuple(fc.nat(200), fc.nat(100), fc.boolean()), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(tree, fc.integer({ min: 1, max: 40 }), (nodes, maxSpans) => {
      const spans = nodes.map(([parent, durationMs, isError], index) =>
        span({
          spanId: `s${index}`,
          ...(index === 0 ? {} : { parentSpanId: `s${parent % index}` }),
          startMs: index,
          endMs: index + durationMs,
          isError,
        }),
      );
      const lines = waterfall(spans, maxSpans);
      expect(lines.length).toBeLessThanOrEqual(maxSpans);
      if (maxSpans >= spans.length) expect(lines).toHaveLength(spans.length);
      for (const [index, { depth }] of lines.entries())
        expect(depth).toBeLessThanOrEqual((lines[index - 1]?.depth ?? -1) + 1);
    }),
  );
});
