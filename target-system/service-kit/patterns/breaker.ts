/**
 * A circuit breaker as a state machine: closed counts failures in a row; open refuses until its time is over; half-open
 * lets one call through, which decides.
 *
 *   closed ──failures in a row──▶ open ──time──▶ half-open ──success──▶ closed
 *                                   ◀──────────failure──────────┘
 *
 * A call that began in an earlier state decides nothing: an old, slow success must not close what has opened since.
 */
type State =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly untilMs: number }
  | { readonly kind: "half-open" };

export type BreakerState = State["kind"];

export interface Breaker {
  /** Undefined when a call may not go through now; in half-open only the first asker may. */
  enter(): Passage | undefined;
  readonly state: BreakerState;
}

/** One call's way through; exactly one of these is to be said of it. */
export interface Passage {
  succeeded(): void;
  failed(): void;
  /** It says nothing of the callee: it was not sent, or cut for another reason. Half-open, the next caller may try. */
  ignored(): void;
}

export interface BreakerOptions {
  /** @default 5 */
  readonly failuresToOpen?: number;
  /** @default 2000 */
  readonly openMs?: number;
  /** Told of each change. */
  readonly onState?: (state: BreakerState) => void;
  readonly nowMs?: () => number;
}

export function createBreaker({
  failuresToOpen = 5,
  openMs = 2_000,
  onState = () => undefined,
  nowMs = () => performance.now(),
}: BreakerOptions = {}): Breaker {
  let state: State = { kind: "closed", failures: 0 };
  /** Counts the changes of kind, so that a call knows whether the state it entered still stands. */
  let era = 0;

  const become = (next: State): void => {
    const hasChanged = next.kind !== state.kind;
    state = next;
    if (!hasChanged) return;
    era += 1;
    onState(next.kind);
  };
  const open = (): void => become({ kind: "open", untilMs: nowMs() + openMs });

  const passage = (): Passage => {
    const entered = era;
    const decide = (decision: () => void) => () => {
      if (era === entered) decision();
    };
    return {
      succeeded: decide(() => become({ kind: "closed", failures: 0 })),
      failed: decide(() => {
        const failures = state.kind === "closed" ? state.failures + 1 : failuresToOpen;
        if (failures >= failuresToOpen) open();
        else become({ kind: "closed", failures });
      }),
      ignored: decide(() => {
        if (state.kind === "half-open") become({ kind: "open", untilMs: nowMs() });
      }),
    };
  };

  return {
    get state() {
      return state.kind;
    },
    enter() {
      switch (state.kind) {
        case "closed":
          return passage();
        case "half-open":
          return undefined;
        case "open":
          if (nowMs() < state.untilMs) return undefined;
          become({ kind: "half-open" });
          return passage();
      }
    },
  };
}

const freePassage: Passage = { succeeded() {}, failed() {}, ignored() {} };

/** Lets every call through. */
export const noBreaker: Breaker = { state: "closed", enter: () => freePassage };
