import { startService } from "../service-kit/service.ts";
import { listProducts, productById, productsByIds, searchProducts } from "./products.ts";
import { commit, release, reserve, type Item } from "./reservations.ts";
import { migrations, seed } from "./schema.ts";

/** The catalog: what is sold, and how much of it is left. */
await startService({
  name: "catalog",
  migrations,
  seed,
  callees: [],
  routes(app, { database }) {
    app.get<{ Querystring: { category?: string; page: number; limit: number; ids?: string } }>(
      "/products",
      {
        schema: {
          querystring: {
            type: "object",
            properties: {
              category: { type: "string" },
              page: { type: "integer", minimum: 1, default: 1 },
              limit: { type: "integer", minimum: 1, maximum: 100, default: 20 },
              ids: { type: "string" },
            },
          },
        },
      },
      async ({ query }) =>
        query.ids === undefined
          ? listProducts(database, query)
          : { products: await productsByIds(database, query.ids.split(",").slice(0, 100)) },
    );
    app.get<{ Params: { id: string } }>("/products/:id", ({ params }) => productById(database, params.id));
    app.get<{ Querystring: { q: string } }>(
      "/search",
      {
        schema: {
          querystring: {
            type: "object",
            required: ["q"],
            properties: { q: { type: "string", minLength: 1, maxLength: 200 } },
          },
        },
      },
      async ({ query }) => ({ products: await searchProducts(database, query.q) }),
    );
    app.post<{ Body: { orderId: string; items: Item[] } }>(
      "/reservations",
      {
        schema: {
          body: {
            type: "object",
            required: ["orderId", "items"],
            properties: {
              orderId: { type: "string", minLength: 1 },
              items: {
                type: "array",
                minItems: 1,
                maxItems: 100,
                items: {
                  type: "object",
                  required: ["productId", "quantity"],
                  properties: {
                    productId: { type: "string" },
                    quantity: { type: "integer", minimum: 1, maximum: 1000 },
                  },
                },
              },
            },
          },
        },
      },
      async ({ body }, reply) => reply.code(201).send(await reserve(database, body.orderId, body.items)),
    );
    app.post<{ Params: { orderId: string } }>("/reservations/:orderId/release", async ({ params }, reply) => {
      await release(database, params.orderId);
      return reply.code(204).send();
    });
    app.post<{ Body: { id: string; type: string; orderId: string } }>(
      "/events",
      {
        schema: {
          body: {
            type: "object",
            required: ["id", "type", "orderId"],
            properties: { id: { type: "string" }, type: { type: "string" }, orderId: { type: "string" } },
          },
        },
      },
      async ({ body }, reply) => {
        if (body.type === "order.confirmed") await commit(database, body.id, body.orderId);
        return reply.code(204).send();
      },
    );
  },
});
