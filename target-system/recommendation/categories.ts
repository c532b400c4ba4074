import { SpanKind, trace } from "@opentelemetry/api";
import { z } from "zod";
import type { Callee } from "../service-kit/callee.ts";
import type { Database } from "../service-kit/database.ts";

const listingSchema = z.object({
  products: z.array(z.object({ id: z.string(), category: z.string() })),
});

/** As many as the catalog gives at once. */
const batchSize = 100;

/**
 * Asks the catalog for the categories of products of which none is known, or that were asked for a day ago.
 * @returns whether there may be more
 */
export async function learnCategories({ query }: Database, catalog: Callee): Promise<boolean> {
  const due = await query<{ readonly id: string }>(
    `select product_id as id from popularity
     where asked_at is null or asked_at < now() - case when category is null then interval '10 minutes' else interval '1 day' end
     order by asked_at nulls first, product_id limit $1`,
    [batchSize],
  );
  if (due.length === 0) return false;
  await trace
    .getTracer("recommendation")
    .startActiveSpan("learn categories", { kind: SpanKind.INTERNAL }, async (span) => {
      try {
        const ids = due.map(({ id }) => id);
        const products = await productsOf(catalog, ids);
        await query(
          `update popularity set asked_at = now(), category = coalesce(known.category, popularity.category)
           from unnest($1::text[]) as due (id) left join unnest($2::text[], $3::text[]) as known (id, category) using (id)
           where product_id = due.id`,
          [ids, products.map(({ id }) => id), products.map(({ category }) => category)],
        );
      } finally {
        span.end();
      }
    });
  return due.length === batchSize;
}

async function productsOf(catalog: Callee, ids: readonly string[]) {
  const path = `/products?ids=${ids.map(encodeURIComponent).join(",")}`;
  const { status, body } = await catalog.call({ method: "GET", path });
  if (status !== 200) throw new Error(`catalog answered ${status}`);
  return listingSchema.parse(body).products;
}
