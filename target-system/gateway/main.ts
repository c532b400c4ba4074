import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallRequest } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";
import { openRoutes } from "../service-kit/identity/callers.ts";
import { startService } from "../service-kit/service.ts";
import { accountRoutes } from "./account-routes.ts";
import {
  basketOf,
  checkedOutItems,
  emptyBasket,
  fillBasket,
  schema as basketSchema,
  type Item,
} from "./baskets.ts";
import { pass } from "./pass.ts";
import { productPage } from "./product-page.ts";
import { productsForYou } from "./recommended.ts";
import { createSessions, schema as verificationKeysSchema, type Sessions } from "./sessions.ts";

const itemsSchema = {
  type: "array",
  maxItems: 100,
  items: {
    type: "object",
    required: ["productId", "quantity"],
    properties: {
      productId: { type: "string", minLength: 1 },
      quantity: { type: "integer", minimum: 1, maximum: 1000 },
    },
  },
};

/** Longer than every deadline behind it, so that what happened to an order is told and not guessed. */
const checkoutDeadlineMs = 5_000;

/** How long a client is kept waiting, whatever it asks for: longer than a checkout, and a basket to be emptied. */
const requestDeadlineMs = 7_000;

/** What is passed on is bounded here; what it may say is its service's to know. */
const anyQuery = { type: "object", additionalProperties: { type: "string", maxLength: 2_000 } };
const idParams = { type: "object", properties: { id: { type: "string", maxLength: 200 } } };

let sessions: Sessions;

/** The edge of the shop: authentication, and everything a client may ask. */
await startService({
  name: "gateway",
  migrations: [
    { id: "001-baskets", sql: basketSchema },
    { id: "002-verification-keys", sql: verificationKeysSchema },
  ],
  callees: ["catalog", "user", "order", "payment", "recommendation"],
  requestDeadlineMs,
  routes(app, { callee, database, fallback, log }) {
    const catalog = callee("catalog");
    const user = callee("user");
    const order = callee("order");
    const payment = callee("payment");
    const recommendation = callee("recommendation");
    sessions = createSessions(user, database, log);

    const userOf = (request: FastifyRequest): Promise<string> =>
      sessions.userOf(request.headers.authorization);

    openRoutes(app);
    app.get("/", async (_request, reply) =>
      reply
        .type("text/html; charset=utf-8")
        .send(
          `<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1><p><a href="/api/products">Products</a></p></html>`,
        ),
    );
    accountRoutes(app, user, userOf);

    for (const path of ["/products", "/search", "/categories"])
      app.get(`/api${path}`, { schema: { querystring: anyQuery } }, async (request, reply) =>
        pass(reply, await catalog.call({ method: "GET", path: path + queryOf(request) })),
      );
    app.get<{ Params: { id: string } }>("/api/products/:id", { schema: { params: idParams } }, ({ params }) =>
      productPage(catalog, recommendation, params.id, fallback),
    );
    app.get<{ Querystring: { limit: number } }>(
      "/api/recommendations",
      {
        schema: {
          querystring: {
            type: "object",
            properties: { limit: { type: "integer", minimum: 1, maximum: 20, default: 8 } },
          },
        },
      },
      async (request) => {
        const userId = request.headers.authorization === undefined ? undefined : await userOf(request);
        return productsForYou({ catalog, recommendation, user }, userId, request.query.limit, fallback);
      },
    );

    app.get("/api/basket", async (request) => ({ items: await basketOf(database, await userOf(request)) }));
    app.put<{ Body: { items: Item[] } }>(
      "/api/basket",
      { schema: { body: { type: "object", required: ["items"], properties: { items: itemsSchema } } } },
      async (request) => {
        await fillBasket(database, await userOf(request), request.body.items);
        return { items: request.body.items };
      },
    );
    app.get("/api/payment-methods", async (request, reply) => {
      const onBehalfOf = await userOf(request);
      return pass(reply, await payment.call({ method: "GET", path: "/methods", onBehalfOf }));
    });
    app.post<{ Body: { items?: Item[] } | null; Headers: { "idempotency-key"?: string } }>(
      "/api/checkout",
      { schema: { body: { type: ["object", "null"], properties: { items: itemsSchema } } } },
      async (request, reply) => {
        const userId = await userOf(request);
        const key = request.headers["idempotency-key"];
        if (key === undefined || key === "")
          throw new HttpError(400, "missing-idempotency-key", "expected a header Idempotency-Key");
        const items = request.body?.items ?? (await checkedOutItems(database, userId, key));
        if (items.length === 0) throw new HttpError(409, "empty-basket", "there is nothing in the basket");
        const answer = await order.call({
          method: "POST",
          path: "/orders",
          headers: { "idempotency-key": `${userId}:${key}` },
          onBehalfOf: userId,
          body: { items },
          isIdempotent: true,
          deadlineMs: checkoutDeadlineMs,
        });
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
      (request, reply) =>
        forUser(request, reply, { method: "GET", path: `/orders/${encodeURIComponent(request.params.id)}` }),
    );

    async function forUser(
      request: FastifyRequest,
      reply: FastifyReply,
      call: CallRequest,
    ): Promise<FastifyReply> {
      const userId = await userOf(request);
      return pass(reply, await order.call({ ...call, onBehalfOf: userId }));
    }
  },
  background() {
    // Not waited for: a gateway is of use before its first token comes.
    void sessions.prepare();
  },
});

function queryOf({ url }: FastifyRequest): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
}
