import fc from "fast-check";
import { expect, test } from "vitest";
import { checkout, span } from "./spans.fixture.ts";
import { groupTraces } from "./trace.ts";

function traceOf(spans: Parameters<typeof groupTraces>[0], entry?: string) {
  const trace = groupTraces(spans, entry).get("t1");
  if (trace === undefined) throw new Error("no such trace");
  return trace;
}

test("spans come together by trace id, whatever order they arrive in", () => {
  const other = span({ spanId: "other", traceId: "t2" });
  const traces = groupTraces([other, ...checkout.toReversed()]);
  expect([...traces.keys()].sort()).toEqual(["t1", "t2"]);
  const trace = traces.get("t1");
  expect(trace?.spans.map(({ spanId }) => spanId)).toEqual(checkout.map(({ spanId }) => spanId));
  expect(trace?.nodes.map(({ span, depth, children }) => [span.spanId, depth, children.length])).toEqual([
    ["root", 0, 1],
    ["to-order", 1, 1],
    ["order", 2, 2],
    ["insert", 3, 0],
    ["to-payment", 3, 0],
  ]);
});

test("a trace whose only missing parent is the load's is complete", () => {
  const trace = traceOf(checkout, "gateway");
  expect(trace.isComplete).toBe(true);
  expect(trace.roots.map(({ spanId }) => spanId)).toEqual(["root"]);
});

test("a trace that begins inside the fleet, like an event's, is complete with a root of no parent", () => {
  expect(traceOf([span({ spanId: "relay", kind: "producer", service: "order" })], "gateway").isComplete).toBe(
    true,
  );
});

test.each(["root", "to-order", "order"])("a trace without its span %s is incomplete", (lost) => {
  expect(
    traceOf(
      checkout.filter(({ spanId }) => spanId !== lost),
      "gateway",
    ).isComplete,
  ).toBe(false);
});

test("a trace of which only an inner service's spans arrived is incomplete", () => {
  const inner = checkout.slice(2);
  expect(traceOf(inner, "gateway").isComplete).toBe(false);
  expect(traceOf(inner).isComplete).toBe(true);
});

test("a trace in two pieces is incomplete, though each could be whole", () => {
  const pieces = checkout.filter(({ spanId }) => spanId !== "to-order");
  expect(traceOf(pieces).roots.map(({ spanId }) => spanId)).toEqual(["root", "order"]);
  expect(traceOf(pieces).isComplete).toBe(false);
});

test("a span that was sent twice counts once", () => {
  const trace = traceOf([...checkout, ...checkout], "gateway");
  expect(trace.spans).toHaveLength(checkout.length);
  expect(trace.isComplete).toBe(true);
});

test("losing an inner span that others name is always seen", () => {
  const parents = checkout.filter(({ spanId }) =>
    checkout.some(({ parentSpanId }) => parentSpanId === spanId),
  );
  fc.assert(
    fc.property(fc.subarray([...parents], { minLength: 1 }), (lost) => {
      const kept = checkout.filter((candidate) => !lost.includes(candidate));
      expect(traceOf(kept, "gateway").isComplete).toBe(false);
    }),
  );
});

test("a circle of parents is cut at its first span, and never complete", () => {
  const circle = [
    span({ spanId: "a", parentSpanId: "c", kind: "server", startMs: 2 }),
    span({ spanId: "b", parentSpanId: "a", kind: "server", startMs: 1 }),
    span({ spanId: "c", parentSpanId: "b", kind: "server", startMs: 3 }),
    span({ spanId: "under", parentSpanId: "c", startMs: 0 }),
  ];
  const trace = traceOf(circle);
  expect(trace.circles).toBe(1);
  expect(trace.roots.map(({ spanId }) => spanId)).toEqual(["b"]);
  expect(trace.nodes.map((node) => [node.span.spanId, node.depth])).toEqual([
    ["b", 0],
    ["c", 1],
    ["under", 2],
    ["a", 2],
  ]);
  expect(trace.isComplete).toBe(false);
  expect(traceOf([...checkout, ...circle], "gateway")).toMatchObject({ circles: 1, isComplete: false });
  expect(traceOf([span({ spanId: "own", parentSpanId: "own", kind: "server" })]).isComplete).toBe(false);
});

test("whatever parents spans name, each span has one place, below its parent, in any order of arrival", () => {
  const parents = fc.array(fc.tuple(fc.nat(30), fc.nat(20)), { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(parents, fc.integer(), (nodes, turn) => {
      const spans = nodes.map(([parent, startMs], index) =>
        span({ spanId: `s${index}`, parentSpanId: `s${parent}`, kind: "server", startMs }),
      );
      const trace = traceOf(spans, "gateway");
      expect(new Set(trace.nodes.map((node) => node.span.spanId)).size).toBe(spans.length);
      expect(trace.nodes).toHaveLength(spans.length);
      const seen = new Set<unknown>();
      for (const node of trace.nodes) {
        if (node.parent !== undefined) {
          expect(seen.has(node.parent)).toBe(true);
          expect(node.depth).toBe(node.parent.depth + 1);
        }
        seen.add(node);
      }
      const start = Math.abs(turn) % spans.length;
      const turned = [...spans.slice(start), ...spans.slice(0, start), ...spans.slice(0, 3)];
      const again = traceOf(turned, "gateway");
      expect(again.nodes.map((node) => node.span.spanId)).toEqual(
        trace.nodes.map((node) => node.span.spanId),
      );
      expect(again.duplicates).toBe(Math.min(3, spans.length));
    }),
  );
});

test("a trace of 10,000 spans, each below the other, has a place for each", () => {
  const chain = Array.from({ length: 10_000 }, (_, index) =>
    span({
      spanId: `s${index}`,
      ...(index === 0 ? {} : { parentSpanId: `s${index - 1}` }),
      startMs: index / 10,
      endMs: 2_000,
    }),
  );
  const trace = traceOf(chain.toReversed());
  expect(trace.isComplete).toBe(true);
  expect(trace.nodes.at(-1)).toMatchObject({ depth: 9_999, span: { spanId: "s9999" } });
});
