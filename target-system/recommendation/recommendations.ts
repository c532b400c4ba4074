import type { Database, Query } from "../service-kit/database.ts";
import type { Inbox } from "../service-kit/inbox.ts";

export interface Recommendations {
  /** Ids, best first. */
  readonly products: readonly string[];
  readonly source: Source;
}

export type Source = "bought-together" | "preferences" | "popular";

export interface RecommendationQuery {
  readonly productId?: string;
  /** Leaves out what this user has bought already. */
  readonly userId?: string;
  /** Categories that the user named as favourites; without them, those that the user buys from most. */
  readonly category?: readonly string[];
  readonly limit: number;
}

/** From how many of a user's categories their taste is told. */
const tastes = 3;

/** What was bought together with a product; where there is nothing, what the user prefers; or what is popular. */
export async function recommend(
  { query }: Pick<Database, "query">,
  asked: RecommendationQuery,
): Promise<Recommendations> {
  const together = asked.productId === undefined ? [] : await boughtTogether(query, asked);
  if (together.length > 0) return { products: together, source: "bought-together" };
  return preferredOrPopular(query, asked);
}

async function boughtTogether(
  query: Query,
  { productId, userId, limit }: RecommendationQuery,
): Promise<string[]> {
  const rows = await query<{ readonly id: string }>(
    `select other_id as id from bought_together
     where product_id = $1 and times > 0
       and other_id not in (select product_id from purchases where user_id = $2 and times > 0)
     order by times desc, id limit $3`,
    [productId, userId ?? null, limit],
  );
  return rows.map(({ id }) => id);
}

async function preferredOrPopular(
  query: Query,
  { productId, userId, category = [], limit }: RecommendationQuery,
): Promise<Recommendations> {
  const rows = await query<{ readonly id: string; readonly source: Source }>(
    `with owned as (
       select product_id from purchases where user_id = $2 and times > 0
     ), taste as (
       select unnest($4::text[]) as category
       union all (
         select category from popularity join owned using (product_id)
         where category is not null and cardinality($4::text[]) = 0
         group by category order by count(*) desc, category limit $5
       )
     ), others as (
       select product_id as id, times, category in (select category from taste) as "isPreferred" from popularity
       where product_id <> coalesce($1, '') and product_id not in (select product_id from owned)
     ), preferred as materialized (
       select id, times from others where "isPreferred" order by times desc, id limit $3
     ), popular as (
       select id, times from others where not exists (select from preferred) order by times desc, id limit $3
     )
     select id, 'preferences' as source, times from preferred
     union all select id, 'popular', times from popular
     order by times desc, id`,
    [productId ?? null, userId ?? null, limit, category, tastes],
  );
  return { products: rows.map(({ id }) => id), source: rows[0]?.source ?? "popular" };
}

export interface OrderEvent {
  readonly id: string;
  readonly type: string;
  readonly orderId: string;
  readonly userId: string;
  readonly items: readonly { readonly productId: string; readonly quantity?: number }[];
}

/** What became of an event. `ignored`: it says nothing of what was bought. */
export type Reception = "learned" | "unlearned" | "duplicate" | "ignored";

/**
 * Learns from a confirmed order, and unlearns it when it is cancelled: who gave it back did not want it, may be shown it
 * again, and makes it no more popular. Once for each event.
 */
export async function receive(inbox: Inbox, event: OrderEvent): Promise<Reception> {
  const { type, orderId } = event;
  switch (type) {
    case "order.confirmed":
      return inbox.once<Reception>(event, async (query) => {
        await query("insert into learned_orders (order_id) values ($1) on conflict do nothing", [orderId]);
        await count(query, event, 1);
        return "learned";
      });
    case "order.cancelled":
      return inbox.once<Reception>(event, async (query) => {
        const learned = await query("delete from learned_orders where order_id = $1 returning order_id", [
          orderId,
        ]);
        if (learned.length === 0) return "ignored";
        await count(query, event, -1);
        return "unlearned";
      });
    default:
      return "ignored";
  }
}

/** An order of a hundred products says little of any two of them, and would be 9,900 pairs to count. */
const pairedProducts = 12;

/**
 * Counts an order in, or out again: to what is popular all its products, to what goes together those that it has most of.
 * Rows are written in order of their keys: nobody waits in a circle.
 */
async function count(query: Query, { userId, items }: OrderEvent, by: 1 | -1): Promise<void> {
  await query(
    `with bought as (
       select id, sum(quantity) as quantity from unnest($2::text[], $3::int[]) as item (id, quantity) group by id
     ), paired as (
       select id from bought order by quantity desc, id limit $4
     ), owned as (
       insert into purchases (user_id, product_id, times) select $1, id, $5::int from bought order by id
       on conflict (user_id, product_id) do update set times = purchases.times + excluded.times
     ), popular as (
       insert into popularity (product_id, times) select id, $5::int from bought order by id
       on conflict (product_id) do update set times = popularity.times + excluded.times
     )
     insert into bought_together (product_id, other_id, times)
     select a.id, b.id, $5::int from paired a join paired b on a.id <> b.id order by a.id, b.id
     on conflict (product_id, other_id) do update set times = bought_together.times + excluded.times`,
    [
      userId,
      items.map(({ productId }) => productId),
      items.map(({ quantity }) => quantity ?? 1),
      pairedProducts,
      by,
    ],
  );
}
