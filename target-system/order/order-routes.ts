import type { FastifyInstance } from "fastify";
import { HttpError } from "../service-kit/http-error.ts";
import { id } from "../service-kit/id-schema.ts";
import { userOf } from "../service-kit/identity/callers.ts";
import type { Idempotency } from "../service-kit/patterns/idempotency.ts";
import { markOrder } from "../service-kit/tracing/order-span.ts";
import { currentCarrier } from "../service-kit/tracing/trace-link.ts";
import type { Checkout } from "./checkout.ts";
import type { OrderPages } from "./order-pages.ts";
import type { Item, Order } from "./orders.ts";

const placedCodes = { confirmed: 201, pending: 202, declined: 402, cancelled: 409 } as const;

const orderParams = { type: "object", properties: { id } } as const;

const orderSchema = {
  headers: {
    type: "object",
    required: ["idempotency-key"],
    properties: { "idempotency-key": { ...id, maxLength: 500 } },
  },
  body: {
    type: "object",
    required: ["items"],
    properties: {
      items: {
        type: "array",
        minItems: 1,
        maxItems: 100,
        items: {
          type: "object",
          required: ["productId", "quantity"],
          properties: { productId: id, quantity: { type: "integer", minimum: 1, maximum: 1_000 } },
        },
      },
      cardId: id,
    },
  },
} as const;

const config = { callers: ["gateway"] } as const;

/** What a customer may do with orders: place, look at, cancel. Which customer, the gateway has proved. */
export function orderRoutes(
  app: FastifyInstance,
  checkout: Checkout,
  pages: OrderPages,
  idempotency: Idempotency,
): void {
  app.post<{
    Body: { items: Item[]; cardId?: string };
    Headers: { readonly "idempotency-key": string };
  }>("/orders", { config, schema: orderSchema }, async (request, reply) => {
    const { body, headers } = request;
    const order = await checkout.place({
      userId: userOf(request),
      cardId: body.cardId ?? null,
      idempotencyKey: idempotency.keyOf(headers["idempotency-key"]),
      items: body.items,
      carrier: currentCarrier(),
    });
    markOrder({ orderId: order.orderId, orderStatus: order.status });
    return reply.code(placedCodes[order.status]).send(answerOf(order));
  });

  app.get<{ Params: { id: string } }>(
    "/orders/:id",
    { config, schema: { params: orderParams } },
    async (request) => {
      const order = await pages.one(request.params.id, userOf(request));
      if (order === undefined) throw notFound(request.params.id);
      markOrder(order);
      return order;
    },
  );

  app.post<{ Params: { id: string } }>(
    "/orders/:id/cancel",
    { config, schema: { params: orderParams } },
    async (request, reply) => {
      const order = await checkout.cancel(request.params.id, userOf(request));
      if (order === undefined) throw notFound(request.params.id);
      const { orderId, status } = order;
      markOrder({ orderId, orderStatus: status });
      if (status === "declined") throw new HttpError(409, "too-late", `order ${orderId} was declined`);
      // 202 for one that was placed while this was asked: it can be cancelled a moment later.
      return reply.code(status === "cancelled" ? 200 : 202).send({ orderId, status });
    },
  );

  app.get<{ Querystring: { page: number } }>(
    "/orders",
    {
      config,
      schema: {
        querystring: {
          type: "object",
          properties: { page: { type: "integer", minimum: 1, maximum: 10_000, default: 1 } },
        },
      },
    },
    (request) => pages.list(userOf(request), request.query.page),
  );
}

function notFound(orderId: string): HttpError {
  return new HttpError(404, "not-found", `there is no order ${orderId}`);
}

function answerOf({ orderId, status, reason, totalCents }: Order): object {
  const told = { orderId, status, totalCents };
  return status === "cancelled" || status === "declined"
    ? { error: reason, message: `the order is ${status}: ${reason}`, ...told }
    : told;
}
