import { setTimeout as sleep } from "node:timers/promises";
import { trace } from "@opentelemetry/api";
import { HttpError } from "../service-kit/http-error.ts";
import { userOf } from "../service-kit/identity/callers.ts";
import { startService } from "../service-kit/service.ts";
import { Checkout } from "./checkout.ts";
import { Orders, type Item, type Order } from "./orders.ts";
import { Outbox } from "./outbox.ts";
import { createPartners } from "./partners.ts";
import { startRelay } from "./relay.ts";
import { schema } from "./schema.ts";
import { currentCarrier } from "./trace-link.ts";

/** order: makes orders out of stock and payments, keeps their history, and tells the others what was confirmed. */

const subscribers = ["notification", "recommendation", "catalog"] as const;
const sweepEveryMs = 1_000;
const statusCodes = { confirmed: 201, pending: 202, declined: 402, cancelled: 409 } as const;

const config = { callers: ["gateway"] } as const;

let checkout: Checkout;

await startService({
  name: "order",
  migrations: [{ id: "001-order", sql: schema }],
  callees: ["catalog", "payment", "notification", "recommendation"],
  routes(app, { database, callee, idempotency, log }) {
    const orders = new Orders(database.query, subscribers);
    const partners = createPartners(callee("catalog"), callee("payment"));
    checkout = new Checkout(orders, partners, () => idempotency.suppressed("POST /orders"), log);

    app.post<{
      Body: { items: Item[] };
      Headers: { "idempotency-key": string };
    }>(
      "/orders",
      {
        config,
        schema: {
          headers: {
            type: "object",
            required: ["idempotency-key"],
            properties: {
              "idempotency-key": { type: "string", minLength: 1, maxLength: 500 },
            },
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
                  properties: {
                    productId: { type: "string", minLength: 1 },
                    quantity: { type: "integer", minimum: 1, maximum: 1_000 },
                  },
                },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const order = await checkout.place({
          userId: userOf(request),
          idempotencyKey: idempotency.keyOf(request.headers["idempotency-key"]),
          items: request.body.items,
          carrier: currentCarrier(),
        });
        trace.getActiveSpan()?.setAttributes({
          "shop.order.id": order.orderId,
          "shop.order.status": order.status,
        });
        return reply.code(statusCodes[order.status]).send(answerOf(order));
      },
    );

    app.get<{ Params: { id: string } }>("/orders/:id", { config }, async (request) => {
      const { id } = request.params;
      const order = await orders.view(id, userOf(request));
      if (order === undefined) throw new HttpError(404, "not-found", `there is no order ${id}`);
      return order;
    });

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
      async (request) => ({ orders: await orders.list(userOf(request), request.query.page) }),
    );
  },
  background({ database, callee, log, signal }) {
    const told = subscribers.map((name) => ({ name, callee: callee(name) }));
    database.listen("outbox", startRelay(new Outbox(database.query), told, log, signal), signal);
    void (async () => {
      while (!signal.aborted) {
        const isMore = await checkout.sweep().catch((error: unknown) => {
          log.warn({ err: error }, "the sweep failed");
          return false;
        });
        if (!isMore) await sleep(sweepEveryMs, undefined, { signal }).catch(() => undefined);
      }
    })();
  },
});

function answerOf({ orderId, status, reason, totalCents }: Order): object {
  const told = { orderId, status, totalCents };
  return status === "cancelled" || status === "declined"
    ? { error: reason, message: `the order is ${status}: ${reason}`, ...told }
    : told;
}
