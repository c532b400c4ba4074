import type { Database } from "../service-kit/database.ts";

export interface Recommendations {
  /** Ids, best first. */
  readonly products: readonly string[];
  readonly source: "bought-together" | "popular";
}

export interface RecommendationQuery {
  readonly productId?: string;
  /** Leaves out what this user has bought already. */
  readonly userId?: string;
  readonly limit: number;
}

/** What was bought together with a product; where there is nothing, what is popular. */
export async function recommend(
  { query }: Database,
  { productId, userId, limit }: RecommendationQuery,
): Promise<Recommendations> {
  const rows = await query<{ readonly id: string; readonly source: Recommendations["source"] }>(
    `with owned as (
       select product_id from purchases where user_id = $2
     ), together as materialized (
       select other_id as id, times from bought_together
       where product_id = $1 and other_id not in (select product_id from owned) order by times desc, id limit $3
     ), popular as (
       select product_id as id, times from popularity
       where product_id <> coalesce($1, '') and product_id not in (select product_id from owned)
         and not exists (select from together)
       order by times desc, id limit $3
     )
     select id, 'bought-together' as source, times from together
     union all select id, 'popular', times from popular
     order by times desc, id`,
    [productId ?? null, userId ?? null, limit],
  );
  return { products: rows.map(({ id }) => id), source: rows[0]?.source ?? "popular" };
}

export interface OrderConfirmed {
  readonly id: string;
  readonly userId: string;
  readonly items: readonly { readonly productId: string }[];
}

/** Learns from an order, once for each event. Rows are written in order of their keys: nobody waits in a circle. */
export async function learn({ query }: Database, { id, userId, items }: OrderConfirmed): Promise<void> {
  await query(
    `with news as (
       insert into inbox (event_id) values ($1) on conflict do nothing returning event_id
     ), bought as (
       select distinct product_id as id from news, unnest($3::text[]) as product_id
     ), owned as (
       insert into purchases (user_id, product_id) select $2, id from bought order by id on conflict do nothing
     ), popular as (
       insert into popularity (product_id, times) select id, 1 from bought order by id
       on conflict (product_id) do update set times = popularity.times + 1
     )
     insert into bought_together (product_id, other_id, times)
     select a.id, b.id, 1 from bought a join bought b on a.id <> b.id order by a.id, b.id
     on conflict (product_id, other_id) do update set times = bought_together.times + 1`,
    [id, userId, items.map(({ productId }) => productId)],
  );
}
