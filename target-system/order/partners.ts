import { z } from "zod";
import { CallFailed, type CallAnswer, type CallRequest, type Callee } from "../service-kit/callee.ts";
import type { CallPath } from "../service-kit/call-path.ts";
import type { Item } from "./orders.ts";

/**
 * The two services an order is made with, as its saga sees them. Whatever settles nothing (no answer, a fault of theirs)
 * is `unknown`: the saga stays where it is and asks again. Every call may be repeated: they recognise the order.
 */
export type Unknown = { readonly kind: "unknown"; readonly why: string };

export type ReserveOutcome =
  | { readonly kind: "reserved"; readonly totalCents: number }
  | { readonly kind: "refused"; readonly reason: string }
  | Unknown;

export type Payment = {
  readonly orderId: string;
  readonly userId: string;
  /** Null for the user's newest card. */
  readonly cardId: string | null;
  readonly amountCents: number;
};

export type PayOutcome =
  | { readonly kind: "captured" }
  | { readonly kind: "declined" | "refused"; readonly reason: string }
  | Unknown;

/** `nothing-to-refund`: nothing had been taken, and nothing will be. */
export type RefundOutcome = { readonly kind: "refunded" | "nothing-to-refund" } | Unknown;

export type ReleaseOutcome = { readonly kind: "released" } | Unknown;

export interface Partners {
  reserve(orderId: string, items: readonly Item[]): Promise<ReserveOutcome>;
  pay(payment: Payment): Promise<PayOutcome>;
  refund(orderId: string): Promise<RefundOutcome>;
  release(orderId: string): Promise<ReleaseOutcome>;
}

/** Longer than a payment that fails over from a slow gateway takes, so that its outcome is heard. */
const payDeadlineMs = 2_500;

const reservationSchema = z.object({ totalCents: z.number().int() });
const errorSchema = z.object({ error: z.string() });
const declineSchema = z.object({ reason: z.string() });
const refundSchema = z.object({ status: z.enum(["refunded", "nothing-to-refund"]) });

export function createPartners(catalog: Callee, payment: Callee): Partners {
  return {
    async reserve(orderId, items) {
      const answer = await ask(catalog, { path: "/reservations" }, { orderId, items });
      if ("kind" in answer) return answer;
      const reservation = reservationSchema.safeParse(answer.body);
      if (answer.status === 201 && reservation.success)
        return { kind: "reserved", totalCents: reservation.data.totalCents };
      return refusalOrUnknown(answer);
    },
    async pay({ cardId, userId, ...due }) {
      const body = cardId === null ? due : { ...due, cardId };
      const answer = await ask(payment, { path: "/payments" }, body, {
        deadlineMs: payDeadlineMs,
        onBehalfOf: userId,
      });
      if ("kind" in answer) return answer;
      if (answer.status === 201) return { kind: "captured" };
      if (answer.status === 402) return { kind: "declined", reason: declineOf(answer) };
      if (answer.status === 202) return { kind: "unknown", why: "payment is pending" };
      return refusalOrUnknown(answer);
    },
    async refund(orderId) {
      const answer = await ask(payment, { path: "/payments/:id/refund", params: { id: orderId } });
      if ("kind" in answer) return answer;
      const refund = refundSchema.safeParse(answer.body);
      // 202: the money is on its way back, which is for payment to see to; asked again, it says when it is there.
      return answer.status === 200 && refund.success ? { kind: refund.data.status } : unknownBy(answer);
    },
    async release(orderId) {
      const answer = await ask(catalog, { path: "/reservations/:id/release", params: { id: orderId } });
      if ("kind" in answer) return answer;
      return answer.status >= 200 && answer.status < 300 ? { kind: "released" } : unknownBy(answer);
    },
  };
}

function declineOf({ body }: CallAnswer): string {
  const decline = declineSchema.safeParse(body);
  return decline.success ? decline.data.reason : "declined";
}

async function ask(
  callee: Callee,
  path: CallPath,
  body?: unknown,
  options: Pick<CallRequest, "deadlineMs" | "onBehalfOf"> = {},
): Promise<CallAnswer | Unknown> {
  try {
    return await callee.call({ method: "POST", ...path, body, isIdempotent: true, ...options });
  } catch (error) {
    if (error instanceof CallFailed) return { kind: "unknown", why: error.message };
    throw error;
  }
}

/** What will be answered the same next time. */
const refusals = new Set([400, 404, 409, 422]);

function refusalOrUnknown(answer: CallAnswer): { kind: "refused"; reason: string } | Unknown {
  if (!refusals.has(answer.status)) return unknownBy(answer);
  const error = errorSchema.safeParse(answer.body);
  return { kind: "refused", reason: error.success ? error.data.error : `status-${answer.status}` };
}

function unknownBy({ status }: CallAnswer): Unknown {
  return { kind: "unknown", why: `status ${status}` };
}
