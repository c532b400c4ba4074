import fc from "fast-check";
import { expect, test } from "vitest";
import { criticalPath } from "./critical-path.ts";
import { call, server } from "./prepared.fixture.ts";
import { span } from "./spans.fixture.ts";
import { createTrace } from "./trace.ts";

function path(...spans: Parameters<typeof createTrace>[1]) {
  return criticalPath(createTrace("t1", spans)).map(({ node, startMs, endMs }) => [
    node.span.spanId,
    startMs,
    endMs,
  ]);
}

const at = (spanId: string, startMs: number, endMs: number, parentSpanId?: string) =>
  span({ spanId, startMs, endMs, ...(parentSpanId === undefined ? {} : { parentSpanId }) });

test("a span alone is its own path", () => {
  expect(path(at("root", 5, 20))).toEqual([["root", 5, 20]]);
});

test("the picture: what was waited for, and not what was under way beside it or left behind", () => {
  expect(
    path(
      at("root", 0, 36),
      at("a", 2, 11, "root"),
      at("b", 2, 16, "root"),
      at("d", 18, 26, "root"),
      at("e", 23, 40, "root"),
    ),
  ).toEqual([
    ["root", 0, 2],
    ["b", 2, 16],
    ["root", 16, 18],
    ["d", 18, 26],
    ["root", 26, 36],
  ]);
});

test("it goes down into children of children", () => {
  expect(
    path(at("root", 0, 100), at("a", 10, 90, "root"), at("b", 20, 50, "a"), at("c", 50, 80, "a")),
  ).toEqual([
    ["root", 0, 10],
    ["a", 10, 20],
    ["b", 20, 50],
    ["c", 50, 80],
    ["a", 80, 90],
    ["root", 90, 100],
  ]);
});

test("calls one after the other whose starts are told in whole milliseconds are both on it", () => {
  expect(path(at("root", 0, 50), at("a", 10, 20.9, "root"), at("b", 20, 40, "root"))).toEqual([
    ["root", 0, 10],
    ["a", 10, 20],
    ["b", 20, 40],
    ["root", 40, 50],
  ]);
});

test("a callee that outlasts the call that gave it up counts until then", () => {
  expect(
    path(
      call({ spanId: "call", startMs: 0, endMs: 100, status: "none" }),
      server({ spanId: "callee", parentSpanId: "call", service: "order", startMs: 10, endMs: 3_000 }),
    ),
  ).toEqual([
    ["call", 0, 10],
    ["callee", 10, 100],
  ]);
});

test("whatever the tree, it covers the root from start to end, once, without a gap", () => {
  const tree = fc.array(
    fc.tuple(
      fc.nat(60),
      fc.integer({ min: -50, max: 150 }),
      fc.integer({ min: -20, max: 120 }),
      fc.boolean(),
    ),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(tree, (nodes) => {
      const spans = nodes.map(([parent, startMs, durationMs, isServer], index) =>
        span({
          spanId: `s${index}`,
          ...(index === 0 ? {} : { parentSpanId: `s${parent % index}` }),
          kind: isServer ? "server" : "client",
          startMs,
          endMs: startMs + durationMs,
        }),
      );
      const trace = createTrace("t1", spans);
      const root = trace.nodes[0]?.span;
      let cursorMs = root?.startMs ?? 0;
      for (const { startMs, endMs } of criticalPath(trace)) {
        expect(startMs).toBeCloseTo(cursorMs, 9);
        expect(endMs).toBeGreaterThan(startMs);
        cursorMs = endMs;
      }
      expect(cursorMs).toBeCloseTo(Math.max(root?.startMs ?? 0, root?.endMs ?? 0), 9);
    }),
  );
});

test("10,000 spans, in a chain or side by side, have one too", () => {
  const chain = Array.from({ length: 10_000 }, (_, index) =>
    at(`s${index}`, index, 30_000 - index, index === 0 ? undefined : `s${index - 1}`),
  );
  expect(path(...chain)).toHaveLength(19_999);
  const row = Array.from({ length: 9_999 }, (_, index) => at(`s${index}`, 2 * index, 2 * index + 1, "root"));
  expect(path(at("root", 0, 20_000), ...row)).toHaveLength(19_998);
});
