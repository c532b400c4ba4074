import { SpanKind, trace } from "@opentelemetry/api";
import type { Logger } from "pino";
import { z } from "zod";
import type { Callee } from "../service-kit/callee.ts";
import type { Database } from "../service-kit/database.ts";
import { pause } from "../service-kit/pause.ts";

const listingSchema = z.object({
  products: z.array(z.object({ id: z.string(), category: z.string() })),
});

/** As many as the catalog gives at once. */
const batchSize = 100;
const everyMs = 5_000;

/**
 * Learns from the catalog which category each product is of, until the signal aborts: all of them at first, then batch by
 * batch, over and over, so that products that are new or have moved are known after a round. No answer waits for it.
 */
export async function learnCategories(
  database: Database,
  catalog: Callee,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  let isFirstRound = true;
  let lastId = "";
  while (!signal.aborted) {
    try {
      lastId = await learnBatch(database, catalog, lastId);
      if (lastId === "") isFirstRound = false;
      else if (isFirstRound) continue;
    } catch (error) {
      log.info({ err: error }, "categories are not brought up to date now");
    }
    await pause(everyMs, signal);
  }
}

/** @returns the last id of the batch after `lastId`; "" when it was the last batch */
async function learnBatch({ query }: Database, catalog: Callee, lastId: string): Promise<string> {
  const rows = await query<{ readonly id: string }>(
    "select product_id as id from popularity where product_id > $1 order by product_id limit $2",
    [lastId, batchSize],
  );
  if (rows.length === 0) return "";
  const ids = rows.map(({ id }) => id);
  // In a trace of its own: it is nobody's request.
  await trace
    .getTracer("recommendation")
    .startActiveSpan("learn categories", { kind: SpanKind.INTERNAL }, async (span) => {
      try {
        const products = await productsOf(catalog, ids);
        await query(
          `update popularity set category = known.category from unnest($1::text[], $2::text[]) as known (id, category)
           where product_id = known.id and popularity.category is distinct from known.category`,
          [products.map(({ id }) => id), products.map(({ category }) => category)],
        );
      } finally {
        span.end();
      }
    });
  return rows.length < batchSize ? "" : (ids.at(-1) ?? "");
}

async function productsOf(catalog: Callee, ids: readonly string[]) {
  const path = `/products?ids=${ids.map(encodeURIComponent).join(",")}`;
  const { status, body } = await catalog.call({ method: "GET", path });
  if (status !== 200) throw new Error(`catalog answered ${status}`);
  return listingSchema.parse(body).products;
}
