import { z } from "zod";
import type { CallAnswer, Callee } from "../service-kit/callee.ts";
import {
  captureOutcome,
  gatewayDeadlineMs,
  GatewayTrouble,
  isSuccess,
  undoWith,
  type PaymentGateway,
} from "./payment-gateway.ts";

const paymentSchema = z.union([
  z.object({ state: z.literal("REFUSED") }),
  z.object({ state: z.string(), payment_id: z.string() }),
]);
const foundSchema = z.object({ payments: z.array(z.object({ payment_id: z.string() })) });

/** Gateway B speaks of payments, and a declined one is an answer of state REFUSED. */
export function createGatewayB(callee: Callee): PaymentGateway {
  const name = "gateway-b";
  const post = (path: string, isIdempotent: boolean, body?: unknown): Promise<CallAnswer> =>
    callee.call({ method: "POST", path, body, isIdempotent, deadlineMs: gatewayDeadlineMs });
  const act = (id: string, action: string): Promise<CallAnswer> =>
    post(`/v2/payments/${encodeURIComponent(id)}/${action}`, true);
  return {
    name,
    method: "card-b",
    async authorize(reference, amountCents) {
      const answer = await post("/v2/payments", false, {
        merchant_reference: reference,
        amount: { value: amountCents, currency: "EUR" },
      });
      const payment = paymentSchema.safeParse(answer.body);
      if (!isSuccess(answer) || !payment.success) throw new GatewayTrouble(name, answer);
      return "payment_id" in payment.data
        ? { kind: "authorized", id: payment.data.payment_id }
        : { kind: "declined" };
    },
    capture: async (id) => captureOutcome(name, await act(id, "captures")),
    undo: (id) =>
      undoWith(
        name,
        () => act(id, "cancellations"),
        () => act(id, "refunds"),
      ),
    async find(reference) {
      const answer = await callee.call({
        method: "GET",
        path: `/v2/payments?merchant_reference=${encodeURIComponent(reference)}`,
        deadlineMs: gatewayDeadlineMs,
      });
      const found = foundSchema.safeParse(answer.body);
      if (answer.status !== 200 || !found.success) throw new GatewayTrouble(name, answer);
      return found.data.payments[0]?.payment_id;
    },
  };
}
