import type { FastifyInstance } from "fastify";
import { HttpError } from "../service-kit/http-error.ts";
import { id } from "../service-kit/id-schema.ts";
import { userOf } from "../service-kit/identity/callers.ts";
import type { Idempotency } from "../service-kit/patterns/idempotency.ts";
import { markOrder } from "../service-kit/tracing/order-span.ts";
import { AmountDiffers, type Cashier } from "./cashier.ts";
import type { Payments } from "./payments.ts";
import type { Refunds } from "./refunds.ts";

interface PaymentBody {
  readonly orderId: string;
  readonly amountCents: number;
  readonly cardId?: string;
}

export interface PaymentRoutes {
  readonly cashier: Cashier;
  readonly refunds: Refunds;
  readonly payments: Payments;
  readonly idempotency: Idempotency;
  /** How customers may pay. */
  readonly methods: readonly string[];
}

const config = { callers: ["order"] } as const;

/** An order's payment, known by the order: asked for again, it is the same one. Its user's card pays, as order has signed. */
export function paymentRoutes(
  app: FastifyInstance,
  { cashier, refunds, payments, idempotency, methods }: PaymentRoutes,
): void {
  const orderParams = { type: "object", required: ["orderId"], properties: { orderId: id } };

  app.get("/methods", { config: { callers: ["gateway"] } }, async () => ({ methods }));

  app.post<{ Body: PaymentBody }>(
    "/payments",
    {
      config,
      schema: {
        body: {
          type: "object",
          required: ["orderId", "amountCents"],
          properties: {
            orderId: id,
            amountCents: { type: "integer", minimum: 1, maximum: 2 ** 31 - 1 },
            cardId: id,
          },
        },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const { orderId } = body;
      markOrder({ orderId });
      try {
        const outcome = await cashier.take(
          { ...body, userId: userOf(request), reference: idempotency.keyOf(orderId) },
          () => idempotency.suppressed("POST /payments"),
        );
        if (outcome.status === "captured")
          markOrder({ orderId, paymentId: outcome.paymentId, paymentGateway: outcome.gateway });
        const status = { captured: 201, declined: 402, pending: 202, cancelled: 409 }[outcome.status];
        const error = outcome.status === "cancelled" ? { error: "payment-cancelled" } : {};
        return await reply.code(status).send({ ...error, orderId, ...outcome });
      } catch (error) {
        if (error instanceof AmountDiffers) throw new HttpError(409, "amount-differs", error.message);
        throw error;
      }
    },
  );

  app.post<{ Params: { orderId: string } }>(
    "/payments/:orderId/refund",
    { config, schema: { params: orderParams } },
    async ({ params: { orderId } }, reply) => {
      markOrder({ orderId });
      const status = await refunds.refund(idempotency.keyOf(orderId), orderId);
      return reply.code(status === "refunding" ? 202 : 200).send({ status });
    },
  );

  app.get<{ Params: { orderId: string } }>(
    "/payments/:orderId",
    { config, schema: { params: orderParams } },
    async ({ params }) => {
      const payment = await payments.ofOrder(params.orderId);
      if (payment === undefined)
        throw new HttpError(404, "not-found", `order ${params.orderId} has no payment`);
      const { orderId, paymentId, amountCents, status } = payment;
      markOrder({ orderId, paymentId });
      return {
        orderId,
        paymentId,
        amountCents,
        status,
        ...(status === "declined" && { reason: payment.reason }),
        ...("gateway" in payment && payment.gateway !== null && { gateway: payment.gateway }),
      };
    },
  );
}
