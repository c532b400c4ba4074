import type { z } from "zod";
import type { Random } from "../../base/random.ts";
import { callAttributes, type CallFaultKind, type SelectionAttributes } from "../call-fault.ts";
import type { TakenCall } from "../call-selection.ts";
import type { Stream } from "../toxic.ts";
import { httpMatch } from "./http-match.ts";

/**
 * What is to be done to an exchange, in data: the faults say it, the session does it. Steps of one exchange act in this
 * order, whatever the order of their faults' creation:
 *
 *   request  delay (call) ─→ answer | abort (before-call) ─→ header ─→ corrupt ─→ truncate ─→ the callee
 *   answer   lose │ delay (answer) ─→ delay (piece) ─→ header ─→ abort (after-head) ─→ corrupt ─→ truncate ─→ the caller
 *   then     duplicate
 *
 * Of steps that do the same, and of `answer` and `abort (before-call)`, the one of the older fault comes first; where only
 * one can act (answer, abort, lose) the others do not.
 */
export type HttpStep = ExchangeStep | MessageStep;

export type ExchangeStep =
  | { readonly act: "delay"; readonly before: "call" | "answer" | "piece"; readonly nextMs: () => number }
  /** Answers instead of the callee. */
  | {
      readonly act: "answer";
      readonly status: number;
      readonly headers: Headers;
      /** `undefined`: the status in words. */
      readonly body: string | undefined;
    }
  | { readonly act: "abort"; readonly when: "before-call" | "after-head" }
  /** The callee answers, the caller hears nothing. */
  | { readonly act: "lose"; readonly then: "reset" | "close" | "hang" }
  /** The callee gets the request again. */
  | { readonly act: "duplicate"; readonly delayMs: number };

/** What is done to one message: the request (`upstream`) or the answer (`downstream`). */
export type MessageStep = { readonly stream: Stream } & (
  | { readonly act: "truncate"; readonly sizeBytes: number }
  | { readonly act: "corrupt-bytes"; readonly count: number }
  | { readonly act: "corrupt-field"; readonly pointer: string; readonly value: unknown }
  | { readonly act: "header"; readonly set: Headers; readonly remove: readonly string[] }
);

/** Values by name. */
export type Headers = Readonly<Record<string, string>>;

/** One kind of fault of HTTP calls. */
export interface HttpFaultKind<A extends SelectionAttributes = SelectionAttributes> extends CallFaultKind {
  readonly attributes: z.ZodType<A>;
  /** What it wants done to a call that it took; `undefined` when nothing after all. */
  plan(attributes: A, taken: TakenOptions): HttpStep | undefined;
}

export interface TakenOptions {
  readonly stream: Stream;
  /** How many calls the fault took before. */
  readonly takenBefore: number;
  /** Decided by seed, proxy, toxic and the call's index alone. */
  readonly random: Random;
  /** Stands for the fault. */
  readonly fault: object;
}

/** A kind's attributes: its own, and those that select its calls. */
export function httpAttributes<S extends z.core.$ZodLooseShape>(own: S) {
  return callAttributes(httpMatch, own);
}

/** A step that waits to act, or acts. */
export interface Wanted<S extends HttpStep = HttpStep> {
  readonly step: S;
  readonly taken: TakenCall;
  /** Whether its fault is still in place, and unchanged. */
  isLive(): boolean;
}

/** The steps of one sort whose faults are still in place, the oldest fault's first. */
export function live<A extends HttpStep["act"]>(
  wanted: readonly Wanted[],
  act: A,
): readonly Wanted<Extract<HttpStep, { readonly act: A }>>[] {
  const isThat = (one: Wanted): one is Wanted<Extract<HttpStep, { readonly act: A }>> =>
    one.step.act === act && one.isLive();
  return wanted.filter(isThat);
}

/** Whether a kind is one of these: those of other protocols make no such plan. */
export function isHttpFault(kind: CallFaultKind): kind is HttpFaultKind {
  return "plan" in kind;
}
