import type { Database, Query } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";

export type ListedProduct = Readonly<{
  id: string;
  name: string;
  category: string;
  priceCents: number;
  available: number;
}>;

const listed = `id, name, category, price_cents as "priceCents", available`;

/** The orders a listing may have. The id breaks ties, so that no product is on two pages or on none. */
const orders = {
  id: "id",
  name: "name, id",
  price: "price_cents, id",
  "price-desc": "price_cents desc, id",
  popularity: "sold desc, id",
  newest: "listed_at desc, id",
} as const;

export type Sort = keyof typeof orders;
export const sorts = Object.keys(orders);

export interface Page {
  /** From 1. */
  readonly page: number;
  readonly limit: number;
}

export interface ListingQuery extends Page {
  readonly category?: string;
  readonly sort: Sort;
}

/**
 * One page of a listing. By offset, not by the last key seen: shoppers jump to a page by its number and are told how many
 * there are, which needs the count anyway, and products seldom come or go while somebody turns pages.
 */
export async function listProducts({ query }: Database, { category, sort, page, limit }: ListingQuery) {
  const rows = await query<ListedProduct & { readonly total: number }>(
    `select ${listed}, count(*) over ()::int as total from products
     where $1::text is null or category = $1 order by ${orders[sort]} limit $2 offset $3`,
    [category ?? null, limit, (page - 1) * limit],
  );
  const total = rows[0]?.total ?? (page === 1 ? 0 : await countProducts(query, category));
  return { products: rows.map(({ total: _total, ...product }) => product), page, total };
}

async function countProducts(query: Query, category: string | undefined): Promise<number> {
  const [counted] = await query<{ readonly total: number }>(
    "select count(*)::int as total from products where $1::text is null or category = $1",
    [category ?? null],
  );
  return counted?.total ?? 0;
}

export async function listCategories({ query }: Database) {
  return query<{ readonly name: string; readonly products: number }>(
    "select category as name, count(*)::int as products from products group by category order by category",
  );
}

/** Products by id, in the order asked; unknown ids are left out. */
export async function productsByIds({ query }: Database, ids: readonly string[]): Promise<ListedProduct[]> {
  return query<ListedProduct>(
    `select ${listed} from products where id = any($1) order by array_position($1::text[], id)`,
    [ids],
  );
}

/**
 * Full-text search, best match first. Any text is a query: words, "a phrase", or, -without. A text that ends within a word
 * is one still being typed: its last word matches what begins with it.
 */
export async function searchProducts(
  { query }: Database,
  text: string,
  { page, limit }: Page,
): Promise<ListedProduct[]> {
  // A query as text ends with the quote of its last lexeme, or with a bracket, after which ':*' would be no query.
  return query<ListedProduct>(
    `with asked as (
       select websearch_to_tsquery('english', $1)::text as words
     ), meant as (
       select case when $1 ~ '(^|\\s)\\w+$' and words like '%''' then words || ':*' else words end::tsquery as q from asked
     )
     select ${listed} from products, meant
     where words @@ q order by ts_rank(words, q) desc, id limit $2 offset $3`,
    [text, limit, (page - 1) * limit],
  );
}

/** @throws {HttpError} 404 */
export async function productById({ query }: Database, id: string) {
  const [product] = await query(
    `select ${listed}, description, listed_at as "listedAt" from products where id = $1`,
    [id],
  );
  if (!product) throw new HttpError(404, "product-not-found", `there is no product ${id}`);
  return product;
}
