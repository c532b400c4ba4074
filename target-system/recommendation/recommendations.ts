import type { Database, Query } from "../service-kit/database.ts";

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
     where product_id = $1 and other_id not in (select product_id from purchases where user_id = $2)
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
       select product_id from purchases where user_id = $2
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

export interface OrderConfirmed {
  readonly id: string;
  readonly userId: string;
  readonly items: readonly { readonly productId: string; readonly quantity?: number }[];
}

/** An order of a hundred products says little of any two of them, and would be 9,900 pairs to count. */
const pairedProducts = 12;

/**
 * Learns from an order, once for each event: what is popular from all its products, what goes together from those that it
 * has most of. Rows are written in order of their keys: nobody waits in a circle.
 * @returns whether it was news
 */
export async function learn({ query }: Database, { id, userId, items }: OrderConfirmed): Promise<boolean> {
  const [learned] = await query<{ readonly isNews: boolean }>(
    `with news as (
       insert into inbox (event_id) values ($1) on conflict do nothing returning event_id
     ), bought as (
       select id, sum(quantity) as quantity from news, unnest($3::text[], $4::int[]) as item (id, quantity) group by id
     ), paired as (
       select id from bought order by quantity desc, id limit $5
     ), owned as (
       insert into purchases (user_id, product_id) select $2, id from bought order by id on conflict do nothing
     ), popular as (
       insert into popularity (product_id, times) select id, 1 from bought order by id
       on conflict (product_id) do update set times = popularity.times + 1
     ), together as (
       insert into bought_together (product_id, other_id, times)
       select a.id, b.id, 1 from paired a join paired b on a.id <> b.id order by a.id, b.id
       on conflict (product_id, other_id) do update set times = bought_together.times + 1
     )
     select exists (select from news) as "isNews"`,
    [
      id,
      userId,
      items.map(({ productId }) => productId),
      items.map(({ quantity }) => quantity ?? 1),
      pairedProducts,
    ],
  );
  return learned?.isNews === true;
}
