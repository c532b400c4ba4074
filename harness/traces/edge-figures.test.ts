import { expect, test } from "vitest";
import type { Span } from "../record/span.ts";
import { edgeFigures, figuresOf, type EdgeCall } from "./edge-figures.ts";
import { call, server } from "./prepared.fixture.ts";
import { checkout, ports, span } from "./spans.fixture.ts";
import { groupTraces } from "./trace.ts";

const all = { startMs: 0, endMs: 1_000 };

function figures(spans: readonly Span[], window = all) {
  return edgeFigures(groupTraces(spans).values(), ports, window);
}

test("the figures of an edge are its calls and errors, with no percentile of so few", () => {
  expect(Object.fromEntries(figures(checkout))).toEqual({
    "gateway -> order": { calls: 1, errors: 0 },
    "order -> order-db": { calls: 1, errors: 0 },
    "order -> payment": { calls: 1, errors: 1 },
  });
});

test("p50 needs 20 calls and p95 200", () => {
  const callsOf = (count: number, failed: number): EdgeCall[] =>
    Array.from({ length: count }, (_, index) => ({ durationMs: index + 1, hasFailed: index < failed }));
  expect(figuresOf(callsOf(19, 0))).toEqual({ calls: 19, errors: 0 });
  expect(figuresOf(callsOf(20, 3))).toEqual({ calls: 20, errors: 3, p50Ms: 10 });
  expect(figuresOf(callsOf(200, 0))).toEqual({ calls: 200, errors: 0, p50Ms: 100, p95Ms: 190 });
});

test("a call belongs to the window it started in", () => {
  expect([...figures(checkout, { startMs: 7, endMs: 10 }).keys()]).toEqual(["order -> order-db"]);
});

test("a call past the proxies goes by who is called, so that an edge that nobody declared is seen", () => {
  const past = call({ spanId: "a", service: "order", to: "10.0.0.7" });
  expect([...figures([past]).keys()]).toEqual(["order -> 10.0.0.7"]);
});

test("a span that came twice is one call, and waiting for a connection of a pool is none", () => {
  const waiting = span({
    spanId: "w",
    kind: "client",
    name: "pg-pool.connect",
    attributes: { "net.peer.port": 41_002 },
  });
  expect(figures([waiting]).size).toBe(0);
  expect(figures([...checkout, ...checkout]).get("order -> payment")?.calls).toBe(1);
});

test("a call that was lost to a hedge is a call, and no error", () => {
  const root = server({ spanId: "root", endMs: 100 });
  const one = (spanId: string, endMs: number, status: number | "none") =>
    call({ spanId, parentSpanId: "root", startMs: 1, endMs, status, isError: false, to: "catalog" });
  expect(figures([root, one("lost", 21, "none"), one("won", 20, 200)]).get("gateway -> catalog")).toEqual({
    calls: 2,
    errors: 0,
  });
  expect(figures([root, one("lost", 21, "none"), one("other", 20, 503)]).get("gateway -> catalog")).toEqual({
    calls: 2,
    errors: 2,
  });
});
