import { trace } from "@opentelemetry/api";
import type { FastifyInstance } from "fastify";
import { HttpError } from "../service-kit/http-error.ts";
import type { Idempotency } from "../service-kit/patterns/idempotency.ts";
import { currentCarrier } from "../service-kit/trace-link.ts";
import type { Checkout } from "./checkout.ts";
import type { OrderPages } from "./order-pages.ts";
import type { Item, Order } from "./orders.ts";

const placedCodes = { confirmed: 201, pending: 202, declined: 402, cancelled: 409 } as const;

/** PostgreSQL's text has no NUL. */
const id = { type: "string", minLength: 1, maxLength: 200, pattern: "^[^\\u0000]*$" } as const;
const userHeader = { type: "object", required: ["x-user-id"], properties: { "x-user-id": id } } as const;
const orderParams = { type: "object", properties: { id } } as const;

const orderSchema = {
  headers: {
    type: "object",
    required: ["x-user-id", "idempotency-key"],
    properties: { "x-user-id": id, "idempotency-key": { ...id, maxLength: 500 } },
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

type UserHeader = { readonly "x-user-id": string };

/** What a customer may do with orders: place, look at, cancel. */
export function orderRoutes(
  app: FastifyInstance,
  checkout: Checkout,
  pages: OrderPages,
  idempotency: Idempotency,
): void {
  app.post<{
    Body: { items: Item[]; cardId?: string };
    Headers: UserHeader & { readonly "idempotency-key": string };
  }>("/orders", { schema: orderSchema }, async ({ body, headers }, reply) => {
    const order = await checkout.place({
      userId: headers["x-user-id"],
      cardId: body.cardId ?? null,
      idempotencyKey: idempotency.keyOf(headers["idempotency-key"]),
      items: body.items,
      carrier: currentCarrier(),
    });
    markSpan(order);
    return reply.code(placedCodes[order.status]).send(answerOf(order));
  });

  app.get<{ Params: { id: string }; Headers: UserHeader }>(
    "/orders/:id",
    { schema: { params: orderParams, headers: userHeader } },
    async ({ params, headers }) => {
      const order = await pages.one(params.id, headers["x-user-id"]);
      if (order === undefined) throw notFound(params.id);
      return order;
    },
  );

  app.post<{ Params: { id: string }; Headers: UserHeader }>(
    "/orders/:id/cancel",
    { schema: { params: orderParams, headers: userHeader } },
    async ({ params, headers }, reply) => {
      const order = await checkout.cancel(params.id, headers["x-user-id"]);
      if (order === undefined) throw notFound(params.id);
      markSpan(order);
      const { orderId, status } = order;
      if (status === "declined") throw new HttpError(409, "too-late", `order ${orderId} was declined`);
      // 202 for one that was placed while this was asked: it can be cancelled a moment later.
      return reply.code(status === "cancelled" ? 200 : 202).send({ orderId, status });
    },
  );

  app.get<{ Querystring: { page: number }; Headers: UserHeader }>(
    "/orders",
    {
      schema: {
        headers: userHeader,
        querystring: {
          type: "object",
          properties: { page: { type: "integer", minimum: 1, maximum: 10_000, default: 1 } },
        },
      },
    },
    ({ query, headers }) => pages.list(headers["x-user-id"], query.page),
  );
}

function markSpan({ orderId, status }: Order): void {
  trace.getActiveSpan()?.setAttributes({ "shop.order.id": orderId, "shop.order.status": status });
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
