import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallAnswer, CallRequest } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";
import { startService } from "../service-kit/service.ts";
import { basketOf, checkedOutItems, emptyBasket, fillBasket, migrations, type Item } from "./baskets.ts";
import { productPage } from "./product-page.ts";
import { createSessions } from "./sessions.ts";

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

/** The edge of the shop: authentication, and everything a client may ask. */
await startService({
  name: "gateway",
  migrations,
  callees: ["catalog", "user", "order", "payment", "recommendation"],
  requestDeadlineMs,
  routes(app, { callee, database, fallback, log }) {
    const catalog = callee("catalog");
    const user = callee("user");
    const order = callee("order");
    const payment = callee("payment");
    const sessions = createSessions(user);

    const userOf = (request: FastifyRequest): Promise<string> =>
      sessions.userOf(request.headers.authorization);

    app.get("/", async (_request, reply) =>
      reply
        .type("text/html; charset=utf-8")
        .send(
          `<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1><p><a href="/api/products">Products</a></p></html>`,
        ),
    );
    app.post<{ Headers: { "idempotency-key"?: string } }>(
      "/api/register",
      async ({ body, headers: { "idempotency-key": key } }, reply) => {
        const headers = key === undefined ? {} : { "idempotency-key": key };
        return pass(
          reply,
          await user.call({ method: "POST", path: "/users", body, headers, isIdempotent: key !== undefined }),
        );
      },
    );
    app.post("/api/login", async ({ body }, reply) =>
      pass(reply, await user.call({ method: "POST", path: "/sessions", body, isIdempotent: true })),
    );
    for (const [route, path] of [
      ["/api/products", "/products"],
      ["/api/search", "/search"],
    ] as const)
      app.get(route, async ({ url }, reply) =>
        pass(reply, await catalog.call({ method: "GET", path: path + url.slice(route.length) })),
      );
    app.get<{ Params: { id: string } }>("/api/products/:id", ({ params }) =>
      productPage(catalog, callee("recommendation"), params.id, fallback),
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
      await userOf(request);
      return pass(reply, await payment.call({ method: "GET", path: "/methods" }));
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
          headers: { "x-user-id": userId, "idempotency-key": `${userId}:${key}` },
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
    app.get("/api/orders", (request, reply) =>
      forUser(request, reply, { method: "GET", path: `/orders${queryOf(request)}` }),
    );
    app.get<{ Params: { id: string } }>("/api/orders/:id", (request, reply) =>
      forUser(request, reply, { method: "GET", path: `/orders/${encodeURIComponent(request.params.id)}` }),
    );

    async function forUser(
      request: FastifyRequest,
      reply: FastifyReply,
      call: CallRequest,
    ): Promise<FastifyReply> {
      const userId = await userOf(request);
      return pass(reply, await order.call({ ...call, headers: { "x-user-id": userId } }));
    }
  },
});

/** Hands a callee's answer on. Its failures are this gateway's to word, and are none of the client's doing. */
function pass(reply: FastifyReply, { status, body }: CallAnswer): FastifyReply {
  if (status < 500) return reply.code(status).send(body ?? null);
  throw status === 503 || status === 504
    ? new HttpError(status, "unavailable", "a part of the shop is not available now")
    : new HttpError(502, "bad-gateway", "a part of the shop failed");
}

function queryOf({ url }: FastifyRequest): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
}
