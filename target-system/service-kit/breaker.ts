/**
 * A circuit breaker as a state machine: closed counts failures in a row; open refuses until its time is over; half-open
 * lets one call through, which decides.
 */
type State =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly untilMs: number }
  | { readonly kind: "half-open" };

export interface Breaker {
  /** Whether a call may go through now; in half-open only the first asker may. */
  allow(): boolean;
  succeeded(): void;
  failed(): void;
  readonly state: State["kind"];
}

export interface BreakerOptions {
  /** @default 5 */
  readonly failuresToOpen?: number;
  /** @default 2000 */
  readonly openMs?: number;
  readonly nowMs?: () => number;
}

export function createBreaker({
  failuresToOpen = 5,
  openMs = 2_000,
  nowMs = () => performance.now(),
}: BreakerOptions = {}): Breaker {
  let state: State = { kind: "closed", failures: 0 };
  return {
    get state() {
      return state.kind;
    },
    allow() {
      switch (state.kind) {
        case "closed":
          return true;
        case "half-open":
          return false;
        case "open":
          if (nowMs() < state.untilMs) return false;
          state = { kind: "half-open" };
          return true;
      }
    },
    succeeded() {
      state = { kind: "closed", failures: 0 };
    },
    failed() {
      const failures = state.kind === "closed" ? state.failures + 1 : failuresToOpen;
      state =
        failures >= failuresToOpen
          ? { kind: "open", untilMs: nowMs() + openMs }
          : { kind: "closed", failures };
    },
  };
}
