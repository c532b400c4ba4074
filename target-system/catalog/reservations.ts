import type { Database, Query } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";

export interface Item {
  readonly productId: string;
  readonly quantity: number;
}

export type Line = Readonly<{ productId: string; quantity: number; priceCents: number }>;

export interface Reservation {
  readonly orderId: string;
  readonly totalCents: number;
  readonly lines: readonly Line[];
}

type Status = "reserved" | "committed" | "released";

/**
 * What an order holds of the stock.
 *
 *   (none) ──reserve──▶ reserved ──commit──▶ committed
 *      └────release──────▶ └──release──▶ released      (also of an order never seen: a late reserve is refused)
 *
 * Products are locked in order of their ids, so that two orders never wait for each other in a circle.
 */

/**
 * Takes stock for an order, all of it or none; asked again, answers the same.
 * @throws {HttpError} 409 out-of-stock or already-released, 404 product-not-found
 */
export async function reserve(
  database: Database,
  orderId: string,
  items: readonly Item[],
): Promise<Reservation> {
  return database.transaction(async (query) => {
    const created = await query(
      `insert into reservations (order_id, status) values ($1, 'reserved') on conflict do nothing returning order_id`,
      [orderId],
    );
    if (created.length === 0) return existing(query, orderId);
    const wanted = mergeByProduct(items);
    const lines = await take(query, orderId, wanted);
    if (lines.length < wanted.length) throw await refusalOf(query, wanted);
    return reservationOf(orderId, lines);
  });
}

/** Takes what there is enough of; a line is missing for each product of which there is not. */
async function take(query: Query, orderId: string, wanted: readonly Item[]): Promise<Line[]> {
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

async function refusalOf(query: Query, wanted: readonly Item[]): Promise<HttpError> {
  const ids = wanted.map(({ productId }) => productId);
  const known = await query<{ readonly id: string }>("select id from products where id = any($1)", [ids]);
  const unknown = ids.filter((id) => !known.some((product) => product.id === id));
  return unknown.length > 0
    ? new HttpError(404, "product-not-found", `there is no product ${unknown.join(", ")}`)
    : new HttpError(409, "out-of-stock", "there is not enough left of what was asked for");
}

async function existing(query: Query, orderId: string): Promise<Reservation> {
  const rows = await query<Line & { readonly status: Status }>(
    `select r.status, product_id as "productId", quantity, price_cents as "priceCents"
     from reservations r left join reservation_lines using (order_id) where order_id = $1`,
    [orderId],
  );
  if (rows[0]?.status === "released")
    throw new HttpError(409, "already-released", `the reservation of ${orderId} was released`);
  return reservationOf(
    orderId,
    rows.map(({ status: _status, ...line }) => line),
  );
}

function reservationOf(orderId: string, lines: readonly Line[]): Reservation {
  return {
    orderId,
    totalCents: lines.reduce((sum, { quantity, priceCents }) => sum + quantity * priceCents, 0),
    lines: [...lines].sort(byProduct),
  };
}

/** Gives back what an order holds. Safe to repeat; what is committed stays so. */
export async function release(database: Database, orderId: string): Promise<void> {
  await database.transaction(async (query) => {
    const [released] = await query<{ readonly held: boolean }>(
      `insert into reservations (order_id, status) values ($1, 'released')
       on conflict (order_id) do update set status = 'released' where reservations.status = 'reserved'
       returning xmax <> 0 as held`,
      [orderId],
    );
    if (released?.held !== true) return;
    // A statement of its own: it must see the lines of a reserve that ended while the one above waited for it.
    await query(
      `with held as (
         select id, quantity from products join reservation_lines on id = product_id
         where order_id = $1 order by id for update of products
       ), returned as (
         update products set available = available + quantity from held where products.id = held.id
       )
       update reservation_lines set status = 'released' where order_id = $1`,
      [orderId],
    );
  });
}

/** Makes a reservation final, once for each event. A reservation that was released stays so. */
export async function commit({ query }: Database, eventId: string, orderId: string): Promise<void> {
  await query(
    `with news as (
       insert into inbox (event_id) values ($1) on conflict do nothing returning event_id
     ), committed as (
       update reservations set status = 'committed'
       where order_id = $2 and status = 'reserved' and exists (select from news) returning order_id
     )
     update reservation_lines lines set status = 'committed' from committed
     where lines.order_id = committed.order_id`,
    [eventId, orderId],
  );
}

function mergeByProduct(items: readonly Item[]): readonly Item[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items)
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

function byProduct(a: Line, b: Line): number {
  return a.productId < b.productId ? -1 : 1;
}
