import type { Query } from "../service-kit/database.ts";

export interface Item {
  readonly productId: string;
  readonly quantity: number;
}

export type Line = Readonly<{ productId: string; quantity: number; priceCents: number }>;

/**
 * Moves of stock: available ⇄ held (lines 'reserved') ▶ sold (lines 'committed'). Each is a statement of a transaction that
 * has locked the order's reservation; each locks products in order of their ids before it changes any.
 */

/** available ▶ held, of what there is enough of; a line is missing for each product of which there is not. */
export async function takeStock(query: Query, orderId: string, wanted: readonly Item[]): Promise<Line[]> {
  return query<Line>(
    `with enough as (
       select id, quantity from products join unnest($2::text[], $3::int[]) as wanted (id, quantity) using (id)
       where available >= quantity order by id for update of products
     ), taken as (
       update products set available = available - quantity from enough where products.id = enough.id
       returning products.id, quantity, price_cents
     )
     insert into reservation_lines (order_id, product_id, quantity, price_cents, status)
     select $1, id, quantity, price_cents, 'reserved' from taken
     returning product_id as "productId", quantity, price_cents as "priceCents"`,
    [orderId, wanted.map(({ productId }) => productId), wanted.map(({ quantity }) => quantity)],
  );
}

/** available ▶ held again, for an order that gave its stock back: all of it or none. @returns whether there was enough */
export async function holdAgain(query: Query, orderId: string): Promise<boolean> {
  const held = await query(
    `with wanted as (
       select product_id as id, quantity from reservation_lines where order_id = $1
     ), enough as (
       select id, quantity from products join wanted using (id)
       where available >= quantity order by id for update of products
     ), taken as (
       update products set available = available - quantity from enough
       where products.id = enough.id and (select count(*) from enough) = (select count(*) from wanted)
       returning products.id
     )
     update reservation_lines set status = 'reserved' from taken
     where order_id = $1 and product_id = taken.id returning product_id`,
    [orderId],
  );
  return held.length > 0;
}

/** held ▶ sold. */
export async function sellHeld(query: Query, orderId: string): Promise<void> {
  await query(
    `with held as (
       select id, quantity from products join reservation_lines on id = product_id
       where order_id = $1 and status = 'reserved' order by id for update of products
     ), counted as (
       update products set sold = sold + quantity from held where products.id = held.id
     )
     update reservation_lines set status = 'committed' from held where order_id = $1 and product_id = held.id`,
    [orderId],
  );
}

/** held or sold ▶ available. */
export async function returnStock(query: Query, orderIds: readonly string[]): Promise<void> {
  await query(
    `with held as (
       select product_id as id, sum(quantity) as quantity,
         coalesce(sum(quantity) filter (where status = 'committed'), 0) as sold
       from reservation_lines where order_id = any ($1) group by product_id
     ), locked as (
       select id from products where id in (select id from held) order by id for update
     ), returned as (
       update products set available = available + held.quantity, sold = products.sold - held.sold
       from held join locked using (id) where products.id = held.id
     )
     update reservation_lines set status = 'released' where order_id = any ($1)`,
    [orderIds],
  );
}

export type StockLevels = {
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  /** Products of which none is available. */
  readonly soldOut: number;
};

/** Units over all products. */
export async function stockLevels(query: Query): Promise<StockLevels | undefined> {
  const [levels] = await query<StockLevels>(
    `select sum(available)::float8 as available, sum(initial_stock - available - sold)::float8 as held,
       sum(sold)::float8 as sold, count(*) filter (where available = 0)::int as "soldOut" from products`,
  );
  return levels;
}
