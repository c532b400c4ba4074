/**
 * What came of one attempt to call. Patterns hand outcomes on to each other as data; only at the end does a failure become
 * an error.
 */
export type Outcome =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly body: unknown;
      /** What the callee asks to be left alone for, by Retry-After; 0 where it does not. */
      readonly retryAfterMs: number;
    }
  | Failure;

export interface Failure {
  readonly kind: "failed";
  readonly reason: FailureReason;
  /** False only where it is sure that the callee did nothing. */
  readonly mayHaveHappened: boolean;
  readonly cause?: unknown;
}

/**
 * `timeout`: no answer in time. `refused`: nobody listens there. `broken`: the connection broke. `cancelled`: another
 * attempt answered first. `denied`: the callee does not let this service in, which says nothing of what was asked. The
 * others were not sent: the breaker is open, too many calls are under way, or the request's deadline is over.
 */
export type FailureReason =
  | "timeout"
  | "refused"
  | "broken"
  | "cancelled"
  | "denied"
  | "breaker-open"
  | "bulkhead-full"
  | "deadline-passed";

/** Statuses that say "not now" rather than "no". */
const passing: ReadonlySet<number> = new Set([502, 503, 504]);

/** Why it may be worth asking again; undefined when it is not, or when there is an answer. */
export function troubleOf(outcome: Outcome): string | undefined {
  if (outcome.kind === "answered")
    return passing.has(outcome.status) ? `status ${outcome.status}` : undefined;
  return wasSent(outcome) && outcome.reason !== "denied" ? outcome.reason : undefined;
}

/** Whether the attempt left this process. */
export function wasSent(outcome: Outcome): boolean {
  if (outcome.kind === "answered") return true;
  switch (outcome.reason) {
    case "timeout":
    case "refused":
    case "broken":
    case "cancelled":
    case "denied":
      return true;
    case "breaker-open":
    case "bulkhead-full":
    case "deadline-passed":
      return false;
  }
}

export function mayHaveHappened(outcome: Outcome): boolean {
  return outcome.kind === "answered" || outcome.mayHaveHappened;
}
