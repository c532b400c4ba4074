import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { BreakerState } from "./breaker.ts";
import type { Tell } from "./pattern-event.ts";

/**
 * What the patterns do, as metrics; every name is here. Attempts a call, for one callee, are
 * `callee_attempt_duration_seconds_count` by `callee_calls_total`.
 */
export function tellMetrics(registry: Registry): Tell {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers });

  const calls = counter("callee_calls_total", "Calls made to another service.", ["callee"]);
  const attempts = new Histogram({
    name: "callee_attempt_duration_seconds",
    help: "Duration of attempts to call another service, in seconds, by status or by why there was no answer.",
    labelNames: ["callee", "outcome"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10],
    registers,
  });
  const notSent = counter(
    "callee_not_sent_total",
    "Attempts refused on this side: by an open breaker, a full bulkhead, or a deadline that was over.",
    ["callee", "reason"],
  );
  const retries = counter("callee_retries_total", "Attempts after the first, by why.", ["callee", "why"]);
  const budget = new Gauge({
    name: "callee_retry_budget_tokens",
    help: "Extra attempts (retries and hedges) that may be made now.",
    labelNames: ["callee"],
    registers,
  });
  const budgetEmpty = counter(
    "callee_retry_budget_empty_total",
    "Extra attempts not made for lack of budget.",
    ["callee", "wanted"],
  );
  const hedges = counter(
    "callee_hedges_total",
    "Second attempts of slow reads, by whether they answered first.",
    ["callee", "outcome"],
  );
  const breaker = new Gauge({
    name: "callee_breaker_state",
    help: "1 for the state the breaker is in, 0 for the others.",
    labelNames: ["callee", "state"],
    registers,
  });
  const late = counter(
    "http_server_deadline_exceeded_total",
    "Requests whose deadline was over on arrival.",
    ["route"],
  );
  const shed = counter("http_server_shed_total", "Requests refused because too many were under way.", [
    "route",
  ]);
  const fallbacks = counter("fallback_served_total", "Answers given without a part that could not be had.", [
    "fallback",
  ]);
  const duplicates = counter(
    "idempotency_duplicates_suppressed_total",
    "Repeated requests that were recognised and not done again.",
    ["operation"],
  );

  return (event) => {
    switch (event.kind) {
      case "called":
        return calls.inc({ callee: event.callee });
      case "attempted":
        return attempts.observe({ callee: event.callee, outcome: event.outcome }, event.durationMs / 1_000);
      case "not-sent":
        return notSent.inc({ callee: event.callee, reason: event.reason });
      case "retry":
        return retries.inc({ callee: event.callee, why: event.why });
      case "budget":
        return budget.set({ callee: event.callee }, event.tokens);
      case "budget-empty":
        return budgetEmpty.inc({ callee: event.callee, wanted: event.wanted });
      case "hedged":
        return hedges.inc({ callee: event.callee, outcome: event.outcome });
      case "breaker":
        for (const state of breakerStates)
          breaker.set({ callee: event.callee, state }, state === event.state ? 1 : 0);
        return;
      case "deadline-exceeded":
        return late.inc({ route: event.route });
      case "shed":
        return shed.inc({ route: event.route });
      case "fallback":
        return fallbacks.inc({ fallback: event.name });
      case "duplicate":
        return duplicates.inc({ operation: event.operation });
    }
  };
}

const breakerStates = ["closed", "half-open", "open"] as const satisfies readonly BreakerState[];

/** The part of a pool of connections that is measured. */
export interface MeasuredPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export function measurePool(registry: Registry, pool: MeasuredPool): void {
  new Gauge({
    name: "database_pool_connections",
    help: "Connections to the database, in use and idle, and requests that wait for one.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.set({ state: "in-use" }, pool.totalCount - pool.idleCount);
      this.set({ state: "idle" }, pool.idleCount);
      this.set({ state: "waiting" }, pool.waitingCount);
    },
  });
}
