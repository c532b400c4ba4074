import { setTimeout as sleep } from "node:timers/promises";
import { mayHaveHappened, troubleOf, wasSent, type Outcome } from "./outcome.ts";
import type { Tell } from "./pattern-event.ts";
import type { RetryBudget } from "./retry-budget.ts";

/**
 * Attempts again while the answer may yet change: after a pause, within the call's time, as long as the budget pays. Only
 * for calls that may be sent twice.
 *
 * The pause is drawn evenly from zero to a bound that doubles ("full jitter": M. Brooker, Exponential Backoff And Jitter,
 * AWS Architecture Blog 2015), so that callers who failed together do not come back together. A callee that says when it
 * wants to be asked again (Retry-After) is not asked before, and one that asks for more than a call can wait is left alone.
 */
export interface RetryOptions {
  readonly callee: string;
  /** When the call must be over, on the clock of performance.now(). */
  readonly endMs: number;
  readonly budget: RetryBudget;
  /** The first included. */
  readonly mostAttempts: number;
  readonly tell: Tell;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** What an attempt is told that is not the first. */
export interface Resend {
  /** How many attempts there were before. */
  readonly count: number;
  /** What came of the one before. */
  readonly why: string;
}

const firstBackoffMs = 50;
/** Of a pause that is drawn. */
const mostBackoffMs = 400;
/** Of a pause that the callee asks for. */
const mostWaitMs = 2_000;

/** The outcome of the last attempt that was sent. Of a failure, whether any of them may have been heard. */
export async function retrying(
  attempt: (resend?: Resend) => Promise<Outcome>,
  { callee, endMs, budget, mostAttempts, tell, random = Math.random }: RetryOptions,
): Promise<Outcome> {
  let outcome = await attempt();
  for (let next = 2; next <= mostAttempts; next += 1) {
    const why = troubleOf(outcome);
    if (why === undefined) return outcome;
    const boundMs = Math.min(firstBackoffMs * 2 ** (next - 2), mostBackoffMs);
    const backoffMs = Math.max(random() * boundMs, retryAfterMs(outcome));
    if (backoffMs > mostWaitMs || performance.now() + backoffMs >= endMs) return outcome;
    if (!budget.withdraw()) {
      tell({ kind: "budget-empty", callee, wanted: "retry" });
      return outcome;
    }
    tell({ kind: "retry", callee, attempt: next, why, backoffMs });
    await sleep(backoffMs);
    const again = await attempt({ count: next - 1, why });
    if (!wasSent(again)) return outcome;
    outcome =
      again.kind === "failed"
        ? { ...again, mayHaveHappened: again.mayHaveHappened || mayHaveHappened(outcome) }
        : again;
  }
  return outcome;
}

function retryAfterMs(outcome: Outcome): number {
  return outcome.kind === "answered" ? outcome.retryAfterMs : 0;
}
