import type { FastifyInstance } from "fastify";
import type { Database } from "../service-kit/database.ts";
import { id as text } from "../service-kit/id-schema.ts";
import {
  listCategories,
  listProducts,
  productById,
  productsByIds,
  searchProducts,
  sorts,
  type ListingQuery,
  type Page,
} from "./products.ts";

const page = { type: "integer", minimum: 1, maximum: 10_000, default: 1 } as const;
const limit = { type: "integer", minimum: 1, maximum: 100, default: 20 } as const;
const mostIds = 100;

/** Who shows products to customers. */
const config = { callers: ["gateway", "recommendation"] } as const;

/** What is sold: the same for everybody. */
export function productRoutes(app: FastifyInstance, database: Database): void {
  app.get<{ Querystring: ListingQuery & { readonly ids?: string } }>(
    "/products",
    {
      config,
      schema: {
        querystring: {
          type: "object",
          properties: {
            category: text,
            sort: { type: "string", enum: sorts, default: "id" },
            page,
            limit,
            ids: { ...text, minLength: 0, maxLength: mostIds * 100 },
          },
        },
      },
    },
    async ({ query }) =>
      query.ids === undefined
        ? listProducts(database, query)
        : { products: await productsByIds(database, query.ids.split(",").slice(0, mostIds)) },
  );
  app.get<{ Params: { id: string } }>(
    "/products/:id",
    { config, schema: { params: { type: "object", properties: { id: text } } } },
    ({ params }) => productById(database, params.id),
  );
  app.get("/categories", { config }, async () => ({ categories: await listCategories(database) }));
  app.get<{ Querystring: Page & { readonly q: string } }>(
    "/search",
    {
      config,
      schema: { querystring: { type: "object", required: ["q"], properties: { q: text, page, limit } } },
    },
    async ({ query }) => ({ products: await searchProducts(database, query.q, query) }),
  );
}
