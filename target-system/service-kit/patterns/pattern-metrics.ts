import { Counter, Gauge, type Registry } from "prom-client";
import { measureLatency } from "../latency.ts";
import type { BreakerState } from "./breaker.ts";
import type { BulkheadLoad } from "./bulkhead.ts";
import type { FailureReason } from "./outcome.ts";
import type { Tell } from "./pattern-event.ts";

/**
 * What the patterns do, as metrics; every name is here. Attempts a call, for one callee, are
 * `callee_attempt_duration_seconds_count` by `callee_calls_total`.
 * @param callees whose counters begin at zero, so that the first thing to happen is seen as a change
 */
export function tellMetrics(registry: Registry, callees: readonly string[] = []): Tell {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers });

  const calls = counter("callee_calls_total", "Calls made to another service.", ["callee"]);
  const ended = measureLatency(registry, {
    name: "callee_call_duration_seconds",
    help: "Duration of calls with all their attempts, in seconds, by status or by why there was no answer.",
    labelNames: ["callee", "outcome"],
  });
  const attempted = measureLatency(registry, {
    name: "callee_attempt_duration_seconds",
    help: "Duration of attempts to call another service, in seconds, by status or by why there was no answer.",
    labelNames: ["callee", "outcome"],
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

  for (const callee of callees) {
    calls.inc({ callee }, 0);
    for (const reason of ["breaker-open", "bulkhead-full", "deadline-passed"] satisfies FailureReason[])
      notSent.inc({ callee, reason }, 0);
    for (const why of retried) retries.inc({ callee, why }, 0);
    for (const wanted of ["retry", "hedge"]) budgetEmpty.inc({ callee, wanted }, 0);
    for (const outcome of ["won", "lost"]) hedges.inc({ callee, outcome }, 0);
  }

  return (event) => {
    switch (event.kind) {
      case "called":
        return calls.inc({ callee: event.callee });
      case "attempted":
        return attempted({ callee: event.callee, outcome: event.outcome }, event.durationMs);
      case "ended":
        return ended({ callee: event.callee, outcome: event.outcome }, event.durationMs);
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

/** What troubleOf() has for why. */
const retried = ["status 502", "status 503", "status 504", "timeout", "refused", "broken"];

const breakerStates = ["closed", "half-open", "open"] as const satisfies readonly BreakerState[];

/** The queues in front of callees, where calls are bounded. */
export function measureBulkheads(
  registry: Registry,
  callees: ReadonlyMap<string, { readonly load: BulkheadLoad | undefined }>,
): void {
  new Gauge({
    name: "callee_bulkhead_calls",
    help: "Calls to another service that are under way (running), and that wait for their turn (waiting).",
    labelNames: ["callee", "state"],
    registers: [registry],
    collect() {
      for (const [callee, { load }] of callees) {
        if (load === undefined) continue;
        this.set({ callee, state: "running" }, load.running);
        this.set({ callee, state: "waiting" }, load.waiting);
      }
    },
  });
}
