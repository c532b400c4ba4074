import { setTimeout as sleep } from "node:timers/promises";
import { trace } from "@opentelemetry/api";
import { HttpError } from "../service-kit/http-error.ts";
import { startService } from "../service-kit/service.ts";
import { AmountDiffers, Cashier } from "./cashier.ts";
import { createGatewayA } from "./gateway-a.ts";
import { createGatewayB } from "./gateway-b.ts";
import { Payments } from "./payments.ts";
import { schema } from "./schema.ts";

/** payment: takes an order's money once, through one of two gateways, and gives it back. */

const sweepEveryMs = 1_000;

let cashier: Cashier;

await startService({
  name: "payment",
  migrations: [{ id: "001-payment", sql: schema }],
  callees: [],
  outside: ["gateway-a", "gateway-b"],
  routes(app, { database, callee, idempotency, log }) {
    const payments = new Payments(database.query);
    const gateways = [createGatewayA(callee("gateway-a")), createGatewayB(callee("gateway-b"))];
    cashier = new Cashier(payments, gateways, () => idempotency.suppressed("POST /payments"), log);

    const config = { callers: ["order"] } as const;
    app.get("/methods", { config: { callers: ["gateway"] } }, async () => ({
      methods: gateways.map(({ method }) => method),
    }));

    app.post<{ Body: { orderId: string; amountCents: number } }>(
      "/payments",
      {
        config,
        schema: {
          body: {
            type: "object",
            required: ["orderId", "amountCents"],
            properties: {
              orderId: { type: "string", minLength: 1 },
              amountCents: { type: "integer", minimum: 1 },
            },
          },
        },
      },
      async ({ body: { orderId, amountCents } }, reply) => {
        trace.getActiveSpan()?.setAttribute("shop.order.id", orderId);
        try {
          const outcome = await cashier.take(orderId, amountCents);
          if (outcome.status === "captured")
            trace.getActiveSpan()?.setAttributes({
              "shop.payment.id": outcome.paymentId,
              "shop.payment.gateway": outcome.gateway,
            });
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
      { config },
      async ({ params }, reply) => {
        trace.getActiveSpan()?.setAttribute("shop.order.id", params.orderId);
        const status = await cashier.refund(params.orderId);
        return reply.code(status === "refunding" ? 202 : 200).send({ status });
      },
    );

    app.get<{ Params: { orderId: string } }>("/payments/:orderId", { config }, async ({ params }) => {
      const payment = await payments.find(params.orderId);
      if (payment === undefined)
        throw new HttpError(404, "not-found", `order ${params.orderId} has no payment`);
      const { orderId, paymentId, amountCents, status } = payment;
      return {
        orderId,
        paymentId,
        amountCents,
        status,
        ...("gateway" in payment ? { gateway: payment.gateway } : {}),
      };
    });
  },
  background({ log, signal }) {
    void (async () => {
      while (!signal.aborted) {
        await cashier.sweep().catch((error: unknown) => log.warn({ err: error }, "the sweep failed"));
        await sleep(sweepEveryMs, undefined, { signal }).catch(() => undefined);
      }
    })();
  },
});
