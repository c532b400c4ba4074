import { expect, test } from "vitest";
import { call, prepared, server } from "./prepared.fixture.ts";
import { timeoutInversions } from "./timeout-inversion.ts";

const root = server({ spanId: "root", endMs: 1_000 });
function asked(id: string, endMs: number, calleeEndMs: number, status: number | "none") {
  return [
    call({ spanId: id, parentSpanId: "root", startMs: 0, endMs, status }),
    server({ spanId: `${id}s`, parentSpanId: id, service: "order", startMs: 1, endMs: calleeEndMs }),
  ];
}

test("a callee that goes on for nobody is told with for how long", () => {
  const traces = [
    prepared(root, ...asked("a", 100, 400, "none")),
    prepared(root, ...asked("a", 200, 300, "none")),
    prepared(root, ...asked("a", 100, 90, 200)),
  ];
  expect(timeoutInversions(traces)).toEqual([
    {
      edge: "gateway -> order",
      calls: 2,
      ofCalls: 3,
      gaveUpAfterMs: 150,
      wentOnMs: 200,
      longestMs: 300,
      traceId: "t1",
    },
  ]);
});

test("an answered call, a callee that had ended, and one whose spans did not arrive are none", () => {
  expect(timeoutInversions([prepared(root, ...asked("a", 100, 115, 200))])).toEqual([]);
  expect(timeoutInversions([prepared(root, ...asked("a", 100, 50, "none"))])).toEqual([]);
  expect(
    timeoutInversions([prepared(root, call({ spanId: "a", parentSpanId: "root", status: "none" }))]),
  ).toEqual([]);
});

test("a hedge that lost is none: the answer was had by the other", () => {
  const both = prepared(root, ...asked("slow", 60, 300, "none"), ...asked("fast", 58, 50, 200));
  expect(timeoutInversions([both])).toEqual([]);
});
