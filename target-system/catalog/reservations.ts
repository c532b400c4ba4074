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
 * Takes stock for an order, all of it or none; asked again, answers the same. Products are locked in order of id, so that
 * two orders never wait for each other in a circle, and stock is taken only where there is enough.
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
    for (const { productId, quantity } of wanted) await take(query, orderId, productId, quantity);
    return reservationOf(query, orderId);
  });
}

async function take(query: Query, orderId: string, productId: string, quantity: number): Promise<void> {
  const [product] = await query<{ readonly priceCents: number }>(
    `update products set available = available - $2 where id = $1 and available >= $2 returning price_cents as "priceCents"`,
    [productId, quantity],
  );
  if (!product) {
    const known = await query("select 1 from products where id = $1", [productId]);
    if (known.length === 0) throw new HttpError(404, "product-not-found", `there is no product ${productId}`);
    throw new HttpError(409, "out-of-stock", `there are not ${quantity} of ${productId} left`);
  }
  await query(
    `insert into reservation_lines (order_id, product_id, quantity, price_cents, status) values ($1, $2, $3, $4, 'reserved')`,
    [orderId, productId, quantity, product.priceCents],
  );
}

async function existing(query: Query, orderId: string): Promise<Reservation> {
  const [reservation] = await query<{ readonly status: Status }>(
    "select status from reservations where order_id = $1",
    [orderId],
  );
  if (reservation?.status === "released")
    throw new HttpError(409, "already-released", `the reservation of ${orderId} was released`);
  return reservationOf(query, orderId);
}

async function reservationOf(query: Query, orderId: string): Promise<Reservation> {
  const lines = await query<Line>(
    `select product_id as "productId", quantity, price_cents as "priceCents" from reservation_lines
     where order_id = $1 order by product_id`,
    [orderId],
  );
  return {
    orderId,
    totalCents: lines.reduce((sum, { quantity, priceCents }) => sum + quantity * priceCents, 0),
    lines,
  };
}

/** Gives back what an order holds. An order that never reserved is remembered as released. Safe to repeat. */
export async function release(database: Database, orderId: string): Promise<void> {
  await database.transaction(async (query) => {
    await query(
      `insert into reservations (order_id, status) values ($1, 'released') on conflict do nothing`,
      [orderId],
    );
    await settle(query, orderId, "released");
  });
}

/** Makes a reservation final, once for each event. A reservation that was released stays so. */
export async function commit(database: Database, eventId: string, orderId: string): Promise<void> {
  await database.transaction(async (query) => {
    const isNew = await query(
      "insert into inbox (event_id) values ($1) on conflict do nothing returning event_id",
      [eventId],
    );
    if (isNew.length > 0) await settle(query, orderId, "committed");
  });
}

async function settle(query: Query, orderId: string, status: "released" | "committed"): Promise<void> {
  const settled = await query(
    `update reservations set status = $2 where order_id = $1 and status = 'reserved' returning order_id`,
    [orderId, status],
  );
  if (settled.length === 0) return;
  const lines = await query<{ readonly productId: string; readonly quantity: number }>(
    `update reservation_lines set status = $2 where order_id = $1 returning product_id as "productId", quantity`,
    [orderId, status],
  );
  if (status === "committed") return;
  for (const { productId, quantity } of [...lines].sort(byProduct))
    await query("update products set available = available + $2 where id = $1", [productId, quantity]);
}

function mergeByProduct(items: readonly Item[]): readonly Item[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items)
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity })).sort(byProduct);
}

function byProduct(a: { readonly productId: string }, b: { readonly productId: string }): number {
  return a.productId < b.productId ? -1 : 1;
}
