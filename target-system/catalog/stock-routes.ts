import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Database } from "../service-kit/database.ts";
import { id } from "../service-kit/id-schema.ts";
import type { Inbox } from "../service-kit/inbox.ts";
import { markOrder } from "../service-kit/tracing/order-span.ts";
import { commit, receive, release, reserve, type OrderEvent } from "./reservations.ts";
import type { Item } from "./stock.ts";
import type { StockCounts } from "./stock-metrics.ts";

const config = { callers: ["order"] } as const;
const orderParams = { type: "object", properties: { orderId: id } } as const;

export interface StockOptions {
  readonly database: Database;
  readonly inbox: Inbox;
  readonly log: Logger;
  readonly counts: StockCounts;
  /** How long a reservation holds its stock when nobody commits or releases it. */
  readonly ttlSeconds: number;
}

/** What orders hold of the stock: for the order service alone. */
export function stockRoutes(
  app: FastifyInstance,
  { database, inbox, log, counts, ttlSeconds }: StockOptions,
): void {
  app.post<{ Body: { orderId: string; items: Item[] } }>(
    "/reservations",
    {
      config,
      schema: {
        body: {
          type: "object",
          required: ["orderId", "items"],
          properties: {
            orderId: id,
            items: {
              type: "array",
              minItems: 1,
              maxItems: 100,
              items: {
                type: "object",
                required: ["productId", "quantity"],
                properties: { productId: id, quantity: { type: "integer", minimum: 1, maximum: 1000 } },
              },
            },
          },
        },
      },
    },
    async ({ body }, reply) => {
      markOrder(body);
      const reserving = reserve(database, body.orderId, body.items, ttlSeconds);
      return reply.code(201).send(await counts.reserving(reserving));
    },
  );
  app.post<{ Params: { orderId: string } }>(
    "/reservations/:orderId/commit",
    { config, schema: { params: orderParams } },
    async ({ params }, reply) => {
      markOrder(params);
      await commit(database, params.orderId);
      return reply.code(204).send();
    },
  );
  app.post<{ Params: { orderId: string } }>(
    "/reservations/:orderId/release",
    { config, schema: { params: orderParams } },
    async ({ params }, reply) => {
      markOrder(params);
      await release(database, params.orderId);
      return reply.code(204).send();
    },
  );
  app.post<{ Body: OrderEvent }>(
    "/events",
    {
      config,
      schema: {
        body: {
          type: "object",
          required: ["id", "type", "orderId"],
          properties: { id, type: { type: "string", maxLength: 200 }, orderId: id },
        },
      },
    },
    async ({ body }, reply) => {
      markOrder(body);
      const reception = await receive(inbox, body);
      counts.received(reception);
      if (reception === "short")
        log.error({ eventId: body.id, orderId: body.orderId }, "a confirmed order has no stock");
      return reply.code(204).send();
    },
  );
}
