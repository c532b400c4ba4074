import { z } from "zod";
import type { CallAnswer, Callee } from "../service-kit/callee.ts";
import {
  GatewayTrouble,
  isSuccess,
  type AuthorizedPayment,
  type GatewayOptions,
  type Held,
  type PaymentGateway,
} from "./payment-gateway.ts";

const statusOf = {
  AUTHORISED: "authorized",
  CAPTURED: "captured",
  REFUSED: "declined",
  CANCELLED: "voided",
  REFUNDED: "refunded",
} as const satisfies Record<string, Held["status"]>;

const stateSchema = z.enum(["AUTHORISED", "CAPTURED", "REFUSED", "CANCELLED", "REFUNDED"]);
const tokenSchema = z.object({ vault_token: z.string() });
const paymentSchema = z.object({ payment_id: z.string(), state: stateSchema });
/** A payment refused before it was one has no id. */
const outcomeSchema = z.union([
  z.object({ state: z.literal("REFUSED"), refusal_reason: z.string() }),
  paymentSchema,
]);
const foundSchema = z.object({ payments: z.array(paymentSchema) });
const reportSchema = z.object({
  bookings: z.array(
    z.object({
      booking_id: z.string(),
      payment_id: z.string(),
      merchant_reference: z.string(),
      amount: z.object({ value: z.number().int() }),
    }),
  ),
  next_cursor: z.string().nullable(),
  is_last_page: z.boolean(),
});

/**
 * Gateway B speaks of payments, and recognises a repeat by an id in the body. A declined payment is an answer of state
 * REFUSED; the answer to a repeat tells what the payment is by now.
 */
export function createGatewayB(callee: Callee, { deadlineMs, keyOf }: GatewayOptions): PaymentGateway {
  const name = "gateway-b";

  function read<S extends z.ZodType>(schema: S, answer: CallAnswer): z.output<S> {
    const parsed = schema.safeParse(answer.body);
    if (!isSuccess(answer) || !parsed.success) throw new GatewayTrouble(name, answer);
    return parsed.data;
  }
  const get = (path: string): Promise<CallAnswer> => callee.call({ method: "GET", path, deadlineMs });
  const act = async (
    action: "captures" | "cancellations" | "refunds",
    { authorizationId }: AuthorizedPayment,
    more: object = {},
  ): Promise<Outcome> => {
    const answer = await callee.call({
      method: "POST",
      path: `/v2/payments/:id/${action}`,
      params: { id: authorizationId },
      body: { request_id: keyOf(`${authorizationId}/${action}`), ...more },
      isIdempotent: true,
      deadlineMs,
    });
    return { answer, payment: read(outcomeSchema, answer) };
  };

  return {
    name,
    method: "card-b",

    async tokenize({ number, cvc, month, year }) {
      const answer = await callee.call({
        method: "POST",
        path: "/v2/tokens",
        body: { pan: number, security_code: cvc, expires: `${year}-${String(month).padStart(2, "0")}` },
        isIdempotent: true,
        deadlineMs,
      });
      if (answer.status === 422) return { kind: "refused" };
      return { kind: "token", token: read(tokenSchema, answer).vault_token };
    },

    async authorize({ reference, orderId, amountCents, token }) {
      const answer = await callee.call({
        method: "POST",
        path: "/v2/payments",
        body: {
          request_id: keyOf(`${reference}/payments`),
          merchant_reference: reference,
          order_number: orderId,
          vault_token: token,
          amount: euros(amountCents),
        },
        isIdempotent: false, // as at gateway A
        deadlineMs,
      });
      const payment = read(outcomeSchema, answer);
      return "refusal_reason" in payment
        ? { kind: "declined", reason: reasonOf(payment) }
        : { kind: "authorized", id: payment.payment_id };
    },

    async capture(payment) {
      const { answer, payment: captured } = await act("captures", payment);
      if ("refusal_reason" in captured) return { kind: "declined", reason: reasonOf(captured) };
      if (captured.state !== "CAPTURED") throw new GatewayTrouble(name, answer);
      return { kind: "captured" };
    },

    async void(payment) {
      const { answer, payment: voided } = await act("cancellations", payment);
      if (voided.state !== "CANCELLED") throw new GatewayTrouble(name, answer);
    },

    async refund(payment) {
      const amount = euros(payment.amountCents);
      const { answer, payment: refunded } = await act("refunds", payment, { amount });
      if (refunded.state !== "REFUNDED") throw new GatewayTrouble(name, answer);
    },

    async find(reference) {
      const answer = await get(`/v2/payments?merchant_reference=${encodeURIComponent(reference)}`);
      return read(foundSchema, answer).payments.map(({ payment_id: id, state }) => ({
        id,
        status: statusOf[state],
      }));
    },

    async settlements(cursor) {
      const from = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      const report = read(reportSchema, await get(`/v2/settlement-report${from}`));
      return {
        lines: report.bookings.map(({ booking_id, payment_id, merchant_reference, amount: { value } }) => ({
          id: booking_id,
          kind: value > 0 ? "capture" : "refund",
          reference: merchant_reference,
          authorizationId: payment_id,
          amountCents: Math.abs(value),
        })),
        cursor: report.next_cursor,
        isLast: report.is_last_page,
      };
    },
  };
}

interface Outcome {
  readonly answer: CallAnswer;
  readonly payment: z.output<typeof outcomeSchema>;
}

function euros(cents: number): { readonly value: number; readonly currency: "EUR" } {
  return { value: cents, currency: "EUR" };
}

/** In the words of gateway A: `INSUFFICIENT_FUNDS` is insufficient-funds. */
function reasonOf({ refusal_reason: reason }: { readonly refusal_reason: string }): string {
  return reason.toLowerCase().replaceAll("_", "-");
}
