import { z } from "zod";
import type { CallAnswer, Callee } from "../service-kit/callee.ts";
import {
  GatewayTrouble,
  heldStatuses,
  isSuccess,
  type AuthorizedPayment,
  type GatewayOptions,
  type PaymentGateway,
} from "./payment-gateway.ts";

const tokenSchema = z.object({ token: z.string() });
const heldSchema = z.object({ id: z.string(), status: z.enum(heldStatuses) });
const errorSchema = z.object({ error: z.string() });
const settlementSchema = z.object({
  id: z.string(),
  kind: z.enum(["capture", "refund"]),
  reference: z.string(),
  authorizationId: z.string(),
  amountCents: z.number().int(),
});
const settlementsPerPage = 500;

/** Gateway A speaks of authorisations, declines with status 402 and recognises a repeat by a header. */
export function createGatewayA(callee: Callee, { deadlineMs, keyOf }: GatewayOptions): PaymentGateway {
  const name = "gateway-a";

  function read<S extends z.ZodType>(schema: S, answer: CallAnswer): z.output<S> {
    const parsed = schema.safeParse(answer.body);
    if (!isSuccess(answer) || !parsed.success) throw new GatewayTrouble(name, answer);
    return parsed.data;
  }
  const get = (path: string): Promise<CallAnswer> => callee.call({ method: "GET", path, deadlineMs });
  const act = (
    action: "capture" | "void" | "refund",
    { authorizationId }: AuthorizedPayment,
    body?: unknown,
  ): Promise<CallAnswer> =>
    callee.call({
      method: "POST",
      path: `/authorizations/:id/${action}`,
      params: { id: authorizationId },
      headers: { "idempotency-key": keyOf(`${authorizationId}/${action}`) },
      body,
      isIdempotent: true,
      deadlineMs,
    });

  return {
    name,
    method: "card-a",

    async tokenize({ number, cvc, month, year }) {
      const answer = await callee.call({
        method: "POST",
        path: "/tokens",
        body: { number, cvc, expMonth: month, expYear: year },
        isIdempotent: true,
        deadlineMs,
      });
      if (answer.status === 422) return { kind: "refused" };
      return { kind: "token", token: read(tokenSchema, answer).token };
    },

    async authorize({ reference, orderId, amountCents, token }) {
      const answer = await callee.call({
        method: "POST",
        path: "/authorizations",
        headers: { "idempotency-key": keyOf(`${reference}/authorize`) },
        body: { reference, orderId, amountCents, token },
        isIdempotent: false, // not tried again here: the next try is the other gateway's
        deadlineMs,
      });
      return refusalOf(answer) ?? { kind: "authorized", id: read(heldSchema, answer).id };
    },

    async capture(payment) {
      const answer = await act("capture", payment);
      const refusal = refusalOf(answer);
      if (refusal === undefined) read(heldSchema, answer);
      return refusal ?? { kind: "captured" };
    },

    async void(payment) {
      read(heldSchema, await act("void", payment));
    },

    async refund(payment) {
      read(heldSchema, await act("refund", payment, { amountCents: payment.amountCents }));
    },

    find: async (reference) =>
      read(z.array(heldSchema), await get(`/authorizations?reference=${encodeURIComponent(reference)}`)),

    async settlements(cursor) {
      const after = cursor === null ? "" : `&after=${encodeURIComponent(cursor)}`;
      const lines = read(
        z.array(settlementSchema),
        await get(`/settlements?limit=${settlementsPerPage}${after}`),
      );
      return { lines, cursor: lines.at(-1)?.id ?? cursor, isLast: lines.length < settlementsPerPage };
    },
  };
}

function refusalOf({ status, body }: CallAnswer): { kind: "declined"; reason: string } | undefined {
  if (status !== 402) return undefined;
  const error = errorSchema.safeParse(body);
  return { kind: "declined", reason: error.success ? error.data.error : "declined" };
}
