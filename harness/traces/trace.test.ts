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
  expect(trace?.childrenOf("order").map(({ spanId }) => spanId)).toEqual(["insert", "to-payment"]);
  expect(trace?.childrenOf("insert")).toEqual([]);
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
