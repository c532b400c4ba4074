import fc from "fast-check";
import { expect, test } from "vitest";
import { alignClocks } from "./clock-skew.ts";
import { call, server } from "./prepared.fixture.ts";
import { span } from "./spans.fixture.ts";
import { createTrace } from "./trace.ts";

function align(...spans: Parameters<typeof createTrace>[1]) {
  const { trace, shifts } = alignClocks(createTrace("t1", spans));
  return { shifts, at: Object.fromEntries(trace.spans.map((one) => [one.spanId, [one.startMs, one.endMs]])) };
}

const asked = call({ spanId: "call", startMs: 0, endMs: 100 });

test("a callee whose clock is ahead is put into the middle of the call, with what it did itself", () => {
  const { at, shifts } = align(
    asked,
    server({ spanId: "callee", parentSpanId: "call", service: "order", startMs: 240, endMs: 260 }),
    span({ spanId: "inner", parentSpanId: "callee", service: "order", startMs: 245, endMs: 250 }),
  );
  expect(at).toEqual({ call: [0, 100], callee: [40, 60], inner: [45, 50] });
  expect(shifts).toEqual([{ caller: "gateway", callee: "order", byMs: -200 }]);
});

test("one whose clock is behind as well; whom it calls has a clock of its own", () => {
  const { at, shifts } = align(
    asked,
    server({ spanId: "callee", parentSpanId: "call", service: "order", startMs: -190, endMs: -110 }),
    call({ spanId: "next", parentSpanId: "callee", service: "order", startMs: -180, endMs: -120 }),
    server({ spanId: "last", parentSpanId: "next", service: "payment", startMs: 30, endMs: 70 }),
  );
  expect(at).toMatchObject({ callee: [10, 90], next: [20, 80], last: [30, 70] });
  expect(shifts).toHaveLength(1);
});

test("a callee that goes on after its caller gave up is not off", () => {
  const { shifts } = align(
    call({ spanId: "call", startMs: 0, endMs: 100, status: "none" }),
    server({ spanId: "callee", parentSpanId: "call", service: "order", startMs: 5, endMs: 3_000 }),
  );
  expect(shifts).toEqual([]);
});

test("nor is one that was asked too late: its caller had given up before it began", () => {
  const { shifts } = align(
    call({ spanId: "call", startMs: 0, endMs: 100, status: "none" }),
    server({ spanId: "callee", parentSpanId: "call", service: "order", startMs: 150, endMs: 180 }),
  );
  expect(shifts).toEqual([]);
});

test("ends that come a little late, and starts told in whole milliseconds, are no skew", () => {
  const { shifts } = align(
    asked,
    server({ spanId: "callee", parentSpanId: "call", service: "order", startMs: -1, endMs: 115 }),
  );
  expect(shifts).toEqual([]);
});

test("what nobody waited for is moved to its cause's start at most", () => {
  const { at } = align(
    span({ spanId: "sent", kind: "producer", startMs: 0, endMs: 5 }),
    span({
      spanId: "taken",
      parentSpanId: "sent",
      kind: "consumer",
      service: "mail",
      startMs: -200,
      endMs: 50,
    }),
  );
  expect(at["taken"]).toEqual([0, 250]);
});

test("skews of ±200 ms change no duration, and no callee of an answered call is left outside of it", () => {
  const skews = fc.array(fc.integer({ min: -200, max: 200 }), { minLength: 3, maxLength: 8 });
  fc.assert(
    fc.property(skews, (offsets) => {
      // gateway calls s0, which calls s1, and so on; each call is 10 ms longer than its callee on both sides.
      const spans = offsets.flatMap((offsetMs, index) => {
        const before = index === 0 ? 0 : (offsets[index - 1] ?? 0);
        const startMs = index * 20;
        const endMs = 1_000 - index * 20;
        const caller = index === 0 ? "gateway" : `s${index - 1}`;
        return [
          call({
            spanId: `c${index}`,
            ...(index === 0 ? {} : { parentSpanId: `s${index - 1}` }),
            service: caller,
            startMs: startMs + before,
            endMs: endMs + before,
          }),
          server({
            spanId: `s${index}`,
            parentSpanId: `c${index}`,
            service: `s${index}`,
            startMs: startMs + 10 + offsetMs,
            endMs: endMs - 10 + offsetMs,
          }),
        ];
      });
      const { trace } = alignClocks(createTrace("t1", spans));
      expect(trace.isComplete).toBe(true);
      const given = new Map(spans.map((one) => [one.spanId, one]));
      for (const { span: one, parent } of trace.nodes) {
        const before = given.get(one.spanId);
        expect(one.endMs - one.startMs).toBeCloseTo((before?.endMs ?? 0) - (before?.startMs ?? 0), 6);
        if (parent === undefined) continue;
        expect(one.startMs).toBeGreaterThanOrEqual(parent.span.startMs - 2);
        expect(one.endMs).toBeLessThanOrEqual(parent.span.endMs + 20);
      }
    }),
  );
});
