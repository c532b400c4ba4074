import type { BreakerState } from "./breaker.ts";
import type { FailureReason } from "./outcome.ts";

/** Something that a pattern did, told as it happens: to metrics (pattern-metrics.ts) and to the trace (pattern-spans.ts). */
export type PatternEvent =
  | { readonly kind: "called"; readonly callee: string }
  /** The call as a whole, whatever it took: the status of its answer, or why there was none. */
  | {
      readonly kind: "ended";
      readonly callee: string;
      readonly outcome: number | FailureReason;
      readonly durationMs: number;
    }
  /** A request that was sent, with its status or why there was no answer; or `refused` before it was sent. */
  | {
      readonly kind: "attempted";
      readonly callee: string;
      readonly outcome: number | FailureReason;
      readonly durationMs: number;
    }
  | { readonly kind: "not-sent"; readonly callee: string; readonly reason: FailureReason }
  /** @param attempt which one comes now, from 2 */
  | {
      readonly kind: "retry";
      readonly callee: string;
      readonly attempt: number;
      readonly why: string;
      readonly backoffMs: number;
    }
  | { readonly kind: "budget"; readonly callee: string; readonly tokens: number }
  | { readonly kind: "budget-empty"; readonly callee: string; readonly wanted: "retry" | "hedge" }
  | {
      readonly kind: "hedged";
      readonly callee: string;
      readonly outcome: "won" | "lost";
      readonly afterMs: number;
    }
  | { readonly kind: "breaker"; readonly callee: string; readonly state: BreakerState }
  | { readonly kind: "deadline-exceeded"; readonly route: string; readonly lateMs: number }
  | { readonly kind: "shed"; readonly route: string }
  | { readonly kind: "fallback"; readonly name: string; readonly why: string }
  | { readonly kind: "duplicate"; readonly operation: string };

export type Tell = (event: PatternEvent) => void;

/** For who does not listen. */
export const untold: Tell = () => undefined;
