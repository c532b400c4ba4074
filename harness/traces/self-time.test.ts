import fc from "fast-check";
import { expect, test } from "vitest";
import { prepared } from "./prepared.fixture.ts";
import { selfTimeByOperation, selfTimes } from "./self-time.ts";
import { checkout, span } from "./spans.fixture.ts";
import { createTrace } from "./trace.ts";

test("of the checkout each span has what its children leave", () => {
  // root 120 - 110; to-order 110 - 108; order 108 - (2 + 100); insert 2; to-payment 100
  expect(selfTimes(createTrace("t1", checkout))).toEqual([10, 2, 6, 2, 100]);
});

test("children that overlap count once, one that outlasts its parent up to its end, one before it not", () => {
  const spans = [
    span({ spanId: "root", startMs: 0, endMs: 100 }),
    span({ spanId: "a", parentSpanId: "root", startMs: 10, endMs: 50 }),
    span({ spanId: "b", parentSpanId: "root", startMs: 20, endMs: 30 }),
    span({ spanId: "c", parentSpanId: "root", startMs: 40, endMs: 60 }),
    span({ spanId: "d", parentSpanId: "root", startMs: 90, endMs: 500 }),
    span({ spanId: "e", parentSpanId: "root", startMs: -50, endMs: -10 }),
  ];
  expect(selfTimes(createTrace("t1", spans))[0]).toBe(100 - 50 - 10);
});

test("it is what counting millisecond by millisecond gives, never below 0 nor above the duration", () => {
  const times = fc.tuple(fc.integer({ min: -10, max: 40 }), fc.integer({ min: -5, max: 30 }));
  fc.assert(
    fc.property(times, fc.array(times, { maxLength: 6 }), ([startMs, durationMs], children) => {
      const endMs = startMs + durationMs;
      const spans = [
        span({ spanId: "root", startMs, endMs }),
        ...children.map(([start, duration], index) =>
          span({ spanId: `c${index}`, parentSpanId: "root", startMs: start, endMs: start + duration }),
        ),
      ];
      let alone = 0;
      for (let ms = startMs; ms < endMs; ms += 1)
        if (!children.some(([start, duration]) => start <= ms && ms < start + duration)) alone += 1;
      expect(selfTimes(createTrace("t1", spans))[0]).toBe(alone);
    }),
  );
});

test("by operation it adds up, the most first", () => {
  const times = selfTimeByOperation([prepared(...checkout), prepared(...checkout)]);
  expect(times[0]).toEqual({
    operation: "order POST",
    kind: "client",
    spans: 2,
    selfMs: 200,
    share: 200 / 240,
  });
  expect(times.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
});
