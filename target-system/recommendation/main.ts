import { startService } from "../service-kit/service.ts";

const migrations = `
-- How often two products were in one order, both ways round.
create table if not exists bought_together (
  product_id text not null, other_id text not null, times int not null,
  primary key (product_id, other_id)
);
create table if not exists popularity (product_id text primary key, times int not null);
create table if not exists inbox (event_id text primary key, received_at timestamptz not null default now());
`;

interface OrderConfirmed {
  readonly id: string;
  readonly type: string;
  readonly items?: readonly { readonly productId: string; readonly quantity: number }[];
}

/** What else a shopper may like: bought together, else popular. */
await startService({
  name: "recommendation",
  migrations,
  callees: [],
  routes(app, { database }) {
    app.get<{ Querystring: { productId?: string; limit: number } }>(
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
      async ({ query }) => {
        const together = await database.query<{ readonly id: string }>(
          `select other_id as id from bought_together where product_id = $1 order by times desc, other_id limit $2`,
          [query.productId ?? "", query.limit],
        );
        if (together.length > 0) return { products: together.map(({ id }) => id), source: "bought-together" };
        const popular = await database.query<{ readonly id: string }>(
          `select product_id as id from popularity where product_id <> $1 order by times desc, product_id limit $2`,
          [query.productId ?? "", query.limit],
        );
        return { products: popular.map(({ id }) => id), source: "popular" };
      },
    );
    app.post<{ Body: OrderConfirmed }>(
      "/events",
      {
        schema: {
          body: {
            type: "object",
            required: ["id", "type"],
            properties: { id: { type: "string" }, type: { type: "string" } },
          },
        },
      },
      async ({ body }, reply) => {
        if (body.type === "order.confirmed") await learn(body);
        return reply.code(204).send();
      },
    );

    async function learn({ id, items = [] }: OrderConfirmed): Promise<void> {
      const products = [...new Set(items.map(({ productId }) => productId))].sort();
      await database.transaction(async (query) => {
        const isNew = await query(
          "insert into inbox (event_id) values ($1) on conflict do nothing returning event_id",
          [id],
        );
        if (isNew.length === 0) return;
        // Rows are written in order of their keys, so that two events never wait for each other in a circle.
        await query(
          `insert into popularity (product_id, times) select unnest($1::text[]), 1
           on conflict (product_id) do update set times = popularity.times + 1`,
          [products],
        );
        await query(
          `insert into bought_together (product_id, other_id, times)
           select a, b, 1 from unnest($1::text[]) a, unnest($1::text[]) b where a <> b order by a, b
           on conflict (product_id, other_id) do update set times = bought_together.times + 1`,
          [products],
        );
      });
    }
  },
});
