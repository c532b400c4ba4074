import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { CallAnswer, Callee, CallRequest } from "../service-kit/callee.ts";
import type { Database } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";
import { markOrder } from "../service-kit/tracing/order-span.ts";
import { basketOf, checkedOutItems, emptyBasket, fillBasket, type Item } from "./baskets.ts";
import { anyQuery, id, idParams, pass, queryOf } from "./pass.ts";

const items = {
  type: "array",
  maxItems: 100,
  items: {
    type: "object",
    required: ["productId", "quantity"],
    properties: {
      productId: { type: "string", minLength: 1, maxLength: 200 },
      quantity: { type: "integer", minimum: 1, maximum: 1000 },
    },
  },
} as const;

/** Longer than every deadline behind it, so that what happened to an order is told and not guessed. */
const checkoutDeadlineMs = 5_000;

export interface OrderOptions {
  readonly order: Callee;
  readonly database: Database;
  readonly userOf: (request: FastifyRequest) => Promise<string>;
  readonly log: Logger;
}

interface Checkout {
  readonly items?: readonly Item[];
  readonly cardId?: string;
}

/** The basket, and what becomes of it. */
export function orderRoutes(app: FastifyInstance, { order, database, userOf, log }: OrderOptions): void {
  app.get("/api/basket", async (request) => ({ items: await basketOf(database, await userOf(request)) }));
  app.put<{ Body: { items: Item[] } }>(
    "/api/basket",
    { schema: { body: { type: "object", required: ["items"], properties: { items } } } },
    async (request) => {
      await fillBasket(database, await userOf(request), request.body.items);
      return { items: request.body.items };
    },
  );
  app.post<{ Body: Checkout | null; Headers: { "idempotency-key"?: string } }>(
    "/api/checkout",
    { schema: { body: { type: ["object", "null"], properties: { items, cardId: id } } } },
    async (request, reply) => {
      const userId = await userOf(request);
      const key = request.headers["idempotency-key"];
      if (key === undefined || key === "")
        throw new HttpError(400, "missing-idempotency-key", "expected a header Idempotency-Key");
      const { items = await checkedOutItems(database, userId, key), cardId } = request.body ?? {};
      if (items.length === 0) throw new HttpError(409, "empty-basket", "there is nothing in the basket");
      const answer = await order.call({
        method: "POST",
        path: "/orders",
        headers: { "idempotency-key": `${userId}:${key}` },
        onBehalfOf: userId,
        body: { items, ...(cardId !== undefined && { cardId }) },
        isIdempotent: true,
        deadlineMs: checkoutDeadlineMs,
      });
      markPlaced(answer);
      // The order stands whatever becomes of the basket; a basket that could not be emptied is seen again.
      if (answer.status === 201 || answer.status === 202)
        await emptyBasket(database, userId, items).catch((error: unknown) =>
          log.warn({ err: error }, "basket not emptied"),
        );
      return pass(reply, answer);
    },
  );
  app.get("/api/orders", { schema: { querystring: anyQuery } }, (request, reply) =>
    forUser(request, reply, { method: "GET", path: `/orders${queryOf(request)}` }),
  );
  app.get<{ Params: { id: string } }>(
    "/api/orders/:id",
    { schema: { params: idParams } },
    (request, reply) => {
      markOrder({ orderId: request.params.id });
      const { id } = request.params;
      return forUser(request, reply, { method: "GET", path: "/orders/:id", params: { id } });
    },
  );
  app.post<{ Params: { id: string } }>(
    "/api/orders/:id/cancel",
    { schema: { params: idParams } },
    (request, reply) => {
      markOrder({ orderId: request.params.id });
      return forUser(request, reply, {
        method: "POST",
        path: "/orders/:id/cancel",
        params: { id: request.params.id },
        isIdempotent: true,
        deadlineMs: checkoutDeadlineMs,
      });
    },
  );

  async function forUser(
    request: FastifyRequest,
    reply: FastifyReply,
    call: CallRequest,
  ): Promise<FastifyReply> {
    return pass(reply, await order.call({ ...call, onBehalfOf: await userOf(request) }));
  }
}

function markPlaced({ body }: CallAnswer): void {
  if (typeof body === "object" && body !== null && "orderId" in body && typeof body.orderId === "string")
    markOrder({ orderId: body.orderId });
}
