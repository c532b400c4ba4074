import { trace } from "@opentelemetry/api";
import type { Tell } from "./pattern-event.ts";

/**
 * What the patterns do, as events on the span of whoever is at work: from a slow or odd trace one reads that it was tried
 * again, and why, or that something else was served. What every call does (an attempt, a token) is in the calls' own spans.
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
      span.addEvent("not sent", { "shop.callee": callee, "shop.reason": reason });
      return;
    }
    case "retry": {
      const { callee, attempt, why, backoffMs } = event;
      span.addEvent("retry", {
        "shop.callee": callee,
        "shop.attempt": attempt,
        "shop.reason": why,
        "shop.backoff_ms": Math.round(backoffMs),
      });
      return;
    }
    case "budget-empty":
      span.addEvent("retry budget empty", { "shop.callee": event.callee, "shop.wanted": event.wanted });
      return;
    case "hedged": {
      const { callee, outcome, afterMs } = event;
      span.addEvent("hedge", {
        "shop.callee": callee,
        "shop.outcome": outcome,
        "shop.after_ms": Math.round(afterMs),
      });
      return;
    }
    case "breaker":
      span.addEvent(`breaker ${event.state}`, { "shop.callee": event.callee });
      return;
    case "deadline-exceeded":
      span.addEvent("deadline exceeded on arrival", { "shop.late_ms": event.lateMs });
      return;
    case "shed":
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
