import type { Database } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";

export type ListedProduct = Readonly<{
  id: string;
  name: string;
  category: string;
  priceCents: number;
  available: number;
}>;

const listed = `id, name, category, price_cents as "priceCents", available`;

export interface ListingQuery {
  readonly category?: string | undefined;
  readonly page: number;
  readonly limit: number;
}

/** One page of a listing, by id. */
export async function listProducts({ query }: Database, { category, page, limit }: ListingQuery) {
  const rows = await query<ListedProduct & { readonly total: number }>(
    `select ${listed}, count(*) over ()::int as total from products
     where $1::text is null or category = $1 order by id limit $2 offset $3`,
    [category ?? null, limit, (page - 1) * limit],
  );
  return { products: rows.map(({ total: _total, ...product }) => product), page, total: rows[0]?.total ?? 0 };
}

/** Products by id, in the order asked; unknown ids are left out. */
export async function productsByIds({ query }: Database, ids: readonly string[]): Promise<ListedProduct[]> {
  return query<ListedProduct>(
    `select ${listed} from products where id = any($1) order by array_position($1::text[], id)`,
    [ids],
  );
}

/** Full-text search, best match first. */
export async function searchProducts({ query }: Database, text: string): Promise<ListedProduct[]> {
  return query<ListedProduct>(
    `select ${listed} from products, websearch_to_tsquery('english', $1) q
     where words @@ q order by ts_rank(words, q) desc, id limit 20`,
    [text],
  );
}

/** @throws {HttpError} 404 */
export async function productById({ query }: Database, id: string) {
  const [product] = await query(`select ${listed}, description from products where id = $1`, [id]);
  if (!product) throw new HttpError(404, "product-not-found", `there is no product ${id}`);
  return product;
}
