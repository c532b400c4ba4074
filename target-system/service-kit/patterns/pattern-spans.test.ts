import { trace } from "@opentelemetry/api";
import { node, tracing } from "@opentelemetry/sdk-node";
import { beforeAll, expect, it } from "vitest";
import type { PatternEvent } from "./pattern-event.ts";
import { tellSpans } from "./pattern-spans.ts";

const exporter = new tracing.InMemorySpanExporter();
beforeAll(() => {
  new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] }).register();
});

/** The span of a request during which this happened. */
function spanOf(...events: readonly PatternEvent[]) {
  exporter.reset();
  trace.getTracer("test").startActiveSpan("request", (span) => {
    for (const event of events) tellSpans(event);
    span.end();
  });
  const [span] = exporter.getFinishedSpans();
  return {
    attributes: span?.attributes,
    events: span?.events.map(({ name, attributes }) => [name, attributes]),
  };
}

const callee = "catalog";

it("a span tells of what was tried again and why, what was not sent, and what was served instead", () => {
  const { attributes, events } = spanOf(
    { kind: "called", callee },
    { kind: "attempted", callee, outcome: 503, durationMs: 3 },
    { kind: "retry", callee, attempt: 2, why: "status 503", backoffMs: 12.4 },
    { kind: "budget-empty", callee, wanted: "retry" },
    { kind: "breaker", callee, state: "open" },
    { kind: "not-sent", callee, reason: "breaker-open" },
    { kind: "hedged", callee, outcome: "won", afterMs: 7.6 },
    { kind: "fallback", name: "recommendations", why: "catalog did not answer" },
  );
  expect(events).toEqual([
    [
      "retry",
      { "shop.callee": callee, "shop.attempt": 2, "shop.reason": "status 503", "shop.backoff_ms": 12 },
    ],
    ["retry budget empty", { "shop.callee": callee, "shop.wanted": "retry" }],
    ["breaker open", { "shop.callee": callee }],
    ["not sent", { "shop.callee": callee, "shop.reason": "breaker-open" }],
    ["hedge", { "shop.callee": callee, "shop.outcome": "won", "shop.after_ms": 8 }],
    ["fallback served", { "shop.fallback": "recommendations", "shop.reason": "catalog did not answer" }],
  ]);
  expect(attributes).toEqual({
    "shop.retry.attempt": 2,
    "shop.retry.reason": "status 503",
    "shop.retry.budget_empty": true,
    "shop.breaker.state": "open",
    "shop.not_sent.reason": "breaker-open",
    "shop.hedge.outcome": "won",
    "shop.fallback": "recommendations",
  });
});

it("a span tells that it was refused, or was a repeat", () => {
  expect(
    spanOf(
      { kind: "deadline-exceeded", route: "/", lateMs: 40 },
      { kind: "shed", route: "/" },
      { kind: "duplicate", operation: "POST /orders" },
    ),
  ).toEqual({
    attributes: { "shop.deadline.exceeded": true, "shop.shed": true, "shop.duplicate": true },
    events: [
      ["deadline exceeded on arrival", { "shop.late_ms": 40 }],
      ["shed", {}],
      ["duplicate suppressed", { "shop.operation": "POST /orders" }],
    ],
  });
});

it("outside a trace nothing is told", () => {
  expect(() => tellSpans({ kind: "shed", route: "/" })).not.toThrow();
});
