import { startService } from "../service-kit/service.ts";
import { learn, recommend, type OrderConfirmed, type RecommendationQuery } from "./recommendations.ts";
import { migrations, seed } from "./schema.ts";

/** What else a shopper may like. */
await startService({
  name: "recommendation",
  migrations,
  seed,
  callees: [],
  routes(app, { database }) {
    app.get<{ Querystring: RecommendationQuery }>(
      "/recommendations",
      {
        schema: {
          querystring: {
            type: "object",
            properties: {
              productId: { type: "string" },
              userId: { type: "string" },
              limit: { type: "integer", minimum: 1, maximum: 20, default: 4 },
            },
          },
        },
      },
      ({ query }) => recommend(database, query),
    );
    app.post<{ Body: OrderConfirmed & { readonly type: string } }>(
      "/events",
      {
        schema: {
          body: {
            type: "object",
            required: ["id", "type", "userId", "items"],
            properties: {
              id: { type: "string" },
              type: { type: "string" },
              userId: { type: "string" },
              items: {
                type: "array",
                items: {
                  type: "object",
                  required: ["productId"],
                  properties: { productId: { type: "string" } },
                },
              },
            },
          },
        },
      },
      async ({ body }, reply) => {
        if (body.type === "order.confirmed") await learn(database, body);
        return reply.code(204).send();
      },
    );
  },
});
