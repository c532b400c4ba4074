import { Registry } from "prom-client";
import { expect, it } from "vitest";
import type { PatternEvent } from "./pattern-event.ts";
import { measureBulkheads, tellMetrics } from "./pattern-metrics.ts";

const callee = "catalog";

/** Each event, and the samples that it leads to. */
const cases: readonly (readonly [event: PatternEvent, samples: readonly string[]])[] = [
  [{ kind: "called", callee }, ['callee_calls_total{callee="catalog"} 1']],
  [
    { kind: "attempted", callee, outcome: 503, durationMs: 30 },
    [
      'callee_attempt_duration_seconds_count{callee="catalog",outcome="503"} 1',
      'callee_attempt_duration_seconds_sum{callee="catalog",outcome="503"} 0.03',
    ],
  ],
  [
    { kind: "ended", callee, outcome: "timeout", durationMs: 1_400 },
    [
      'callee_call_duration_seconds_bucket{le="1",callee="catalog",outcome="timeout"} 0',
      'callee_call_duration_seconds_bucket{le="1.5",callee="catalog",outcome="timeout"} 1',
    ],
  ],
  [
    { kind: "not-sent", callee, reason: "bulkhead-full" },
    ['callee_not_sent_total{callee="catalog",reason="bulkhead-full"} 1'],
  ],
  [
    { kind: "retry", callee, attempt: 2, why: "status 503", backoffMs: 1 },
    ['callee_retries_total{callee="catalog",why="status 503"} 1'],
  ],
  [{ kind: "budget", callee, tokens: 9.1 }, ['callee_retry_budget_tokens{callee="catalog"} 9.1']],
  [
    { kind: "budget-empty", callee, wanted: "hedge" },
    ['callee_retry_budget_empty_total{callee="catalog",wanted="hedge"} 1'],
  ],
  [
    { kind: "hedged", callee, outcome: "won", afterMs: 3 },
    ['callee_hedges_total{callee="catalog",outcome="won"} 1'],
  ],
  [
    { kind: "breaker", callee, state: "open" },
    [
      'callee_breaker_state{callee="catalog",state="open"} 1',
      'callee_breaker_state{callee="catalog",state="closed"} 0',
      'callee_breaker_state{callee="catalog",state="half-open"} 0',
    ],
  ],
  [
    { kind: "deadline-exceeded", route: "/orders", lateMs: 4 },
    ['http_server_deadline_exceeded_total{route="/orders"} 1'],
  ],
  [{ kind: "shed", route: "/orders" }, ['http_server_shed_total{route="/orders"} 1']],
  [
    { kind: "fallback", name: "recommendations", why: "down" },
    ['fallback_served_total{fallback="recommendations"} 1'],
  ],
  [
    { kind: "duplicate", operation: "POST /orders" },
    ['idempotency_duplicates_suppressed_total{operation="POST /orders"} 1'],
  ],
];

it.each(cases)("%o", async (event, samples) => {
  const registry = new Registry();
  tellMetrics(registry)(event);
  const lines = (await registry.metrics()).split("\n");
  for (const sample of samples) expect(lines).toContain(sample);
});

it("counters of callees begin at zero", async () => {
  const registry = new Registry();
  tellMetrics(registry, [callee]);
  const lines = (await registry.metrics()).split("\n");
  expect(lines).toContain('callee_retries_total{callee="catalog",why="timeout"} 0');
  expect(lines).toContain('callee_not_sent_total{callee="catalog",reason="breaker-open"} 0');
});

it("bulkheads' queues are told as they are when asked, where there are any", async () => {
  const registry = new Registry();
  const load = { running: 64, waiting: 1 };
  const callees = new Map<string, { readonly load: typeof load | undefined }>();
  callees.set(callee, { load }).set("user", { load: undefined });
  measureBulkheads(registry, callees);
  load.waiting = 3;
  const samples = (await registry.metrics()).split("\n").filter((line) => line.startsWith("callee_bulkhead"));
  expect(samples).toEqual([
    'callee_bulkhead_calls{callee="catalog",state="running"} 64',
    'callee_bulkhead_calls{callee="catalog",state="waiting"} 3',
  ]);
});
