import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Callee } from "../service-kit/callee.ts";
import type { Fallback } from "../service-kit/patterns/fallback.ts";
import { anyQuery, idParams, pass, queryOf } from "./pass.ts";
import { productPage } from "./product-page.ts";
import { productsForYou } from "./recommended.ts";

export interface ShelfOptions {
  readonly catalog: Callee;
  readonly recommendation: Callee;
  readonly user: Callee;
  readonly userOf: (request: FastifyRequest) => Promise<string>;
  readonly fallback: Fallback;
}

/** What there is to buy, open to all. */
export function shelfRoutes(
  app: FastifyInstance,
  { catalog, recommendation, user, userOf, fallback }: ShelfOptions,
): void {
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
}
