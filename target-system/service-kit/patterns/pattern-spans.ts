import { trace } from "@opentelemetry/api";
import type { Tell } from "./pattern-event.ts";

/**
 * What the patterns do, on the span of whoever is at work: as events, which say when and how often, so that a slow or odd
 * trace can be read; and as attributes, of several the last, by which such traces are found. What every call does (an
 * attempt, the time it has) is on the calls' own spans: callee.ts.
 */
export const tellSpans: Tell = (event) => {
  const span = trace.getActiveSpan();
  if (span === undefined) return;
  switch (event.kind) {
    case "called":
    case "ended":
    case "attempted":
    case "budget":
      return;
    case "not-sent": {
      const { callee, reason } = event;
      span.setAttribute("shop.not_sent.reason", reason);
      span.addEvent("not sent", { "shop.callee": callee, "shop.reason": reason });
      return;
    }
    case "retry": {
      const { callee, attempt, why, backoffMs } = event;
      span.setAttributes({ "shop.retry.attempt": attempt, "shop.retry.reason": why });
      span.addEvent("retry", {
        "shop.callee": callee,
        "shop.attempt": attempt,
        "shop.reason": why,
        "shop.backoff_ms": Math.round(backoffMs),
      });
      return;
    }
    case "budget-empty":
      span.setAttribute("shop.retry.budget_empty", true);
      span.addEvent("retry budget empty", { "shop.callee": event.callee, "shop.wanted": event.wanted });
      return;
    case "hedged": {
      const { callee, outcome, afterMs } = event;
      span.setAttribute("shop.hedge.outcome", outcome);
      span.addEvent("hedge", {
        "shop.callee": callee,
        "shop.outcome": outcome,
        "shop.after_ms": Math.round(afterMs),
      });
      return;
    }
    case "breaker":
      span.setAttribute("shop.breaker.state", event.state);
      span.addEvent(`breaker ${event.state}`, { "shop.callee": event.callee });
      return;
    case "deadline-exceeded":
      span.setAttribute("shop.deadline.exceeded", true);
      span.addEvent("deadline exceeded on arrival", { "shop.late_ms": event.lateMs });
      return;
    case "shed":
      span.setAttribute("shop.shed", true);
      span.addEvent("shed");
      return;
    case "fallback":
      span.setAttribute("shop.fallback", event.name);
      span.addEvent("fallback served", { "shop.fallback": event.name, "shop.reason": event.why });
      return;
    case "duplicate":
      span.setAttribute("shop.duplicate", true);
      span.addEvent("duplicate suppressed", { "shop.operation": event.operation });
      return;
  }
};
