import type { Database, Query } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";
import type { Inbox } from "../service-kit/inbox.ts";
import { holdAgain, returnStock, sellHeld, takeStock, type Item, type Line } from "./stock.ts";

export interface Reservation {
  readonly orderId: string;
  readonly totalCents: number;
  readonly lines: readonly Line[];
  /** Held until then at least. */
  readonly expiresAt: Date;
}

type Status = "reserved" | "committed" | "released";

/**
 * What an order holds of the stock.
 *
 *   (none) ──reserve──▶ reserved ──commit──▶ committed ──cancelled──▶ released
 *      └────release──────▶ └──release, expiry──▶ released      (also of an order never seen: a late reserve is refused)
 *
 * A reservation is locked before its products, and products in order of their ids: nobody waits for another in a circle.
 * The status decides, not the clock: one whose time is up is good until it is swept, and then for no caller.
 */

/**
 * Takes stock for an order, all of it or none; asked again, answers the same.
 * @throws {HttpError} 409 out-of-stock, already-released or reservation-expired; 404 product-not-found
 */
export async function reserve(
  database: Database,
  orderId: string,
  items: readonly Item[],
  ttlSeconds: number,
): Promise<Reservation> {
  return database.transaction(async (query) => {
    const [created] = await query<{ readonly expiresAt: Date }>(
      `insert into reservations (order_id, status, expires_at)
       values ($1, 'reserved', now() + $2 * interval '1 second')
       on conflict do nothing returning expires_at as "expiresAt"`,
      [orderId, ttlSeconds],
    );
    if (!created) return existing(query, orderId);
    const wanted = mergeByProduct(items);
    const lines = await takeStock(query, orderId, wanted);
    if (lines.length < wanted.length) throw await refusalOf(query, wanted);
    return reservationOf(orderId, lines, created.expiresAt);
  });
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
  const rows = await query<Line & Ended & { readonly expiresAt: Date }>(
    `select r.status, r.expired_at is not null as "isExpired", r.expires_at as "expiresAt",
       product_id as "productId", quantity, price_cents as "priceCents"
     from reservations r left join reservation_lines using (order_id) where order_id = $1`,
    [orderId],
  );
  const [first] = rows;
  if (first === undefined) throw new Error(`the reservation of ${orderId} is taken, but gone`);
  if (first.status === "released") throw overOf(orderId, first);
  return reservationOf(
    orderId,
    rows.map(({ productId, quantity, priceCents }) => ({ productId, quantity, priceCents })),
    first.expiresAt,
  );
}

type Ended = { readonly status: Status; readonly isExpired: boolean };

function overOf(orderId: string, { isExpired }: Ended): HttpError {
  return isExpired
    ? new HttpError(409, "reservation-expired", `the reservation of ${orderId} has expired`)
    : new HttpError(409, "already-released", `the reservation of ${orderId} was released`);
}

function reservationOf(orderId: string, lines: readonly Line[], expiresAt: Date): Reservation {
  return {
    orderId,
    totalCents: lines.reduce((sum, { quantity, priceCents }) => sum + quantity * priceCents, 0),
    lines: [...lines].sort(byProduct),
    expiresAt,
  };
}

/** Gives back what an order holds. Safe to repeat; what is committed stays so. */
export async function release(database: Database, orderId: string): Promise<void> {
  await database.transaction((query) => letGo(query, orderId, ["reserved"]));
}

async function letGo(query: Query, orderId: string, held: readonly Status[]): Promise<void> {
  const [released] = await query<{ readonly wasHeld: boolean }>(
    `insert into reservations (order_id, status) values ($1, 'released')
     on conflict (order_id) do update set status = 'released' where reservations.status = any ($2)
     returning xmax <> 0 as "wasHeld"`,
    [orderId, held],
  );
  // A statement of its own: it must see the lines of a reserve that ended while the one above waited for it.
  if (released?.wasHeld === true) await returnStock(query, [orderId]);
}

/**
 * Makes a reservation final. Safe to repeat.
 * @throws {HttpError} 409 reservation-expired, for ever, once its time ran out; 409 already-released; 404
 */
export async function commit(database: Database, orderId: string): Promise<void> {
  await database.transaction(async (query) => {
    if (await commitReserved(query, orderId)) return;
    const ended = await endedOf(query, orderId);
    if (ended === undefined)
      throw new HttpError(404, "reservation-not-found", `there is no reservation of ${orderId}`);
    if (ended.status === "released") throw overOf(orderId, ended);
  });
}

async function commitReserved(query: Query, orderId: string): Promise<boolean> {
  const committed = await query(
    `update reservations set status = 'committed' where order_id = $1 and status = 'reserved' returning order_id`,
    [orderId],
  );
  if (committed.length > 0) await sellHeld(query, orderId);
  return committed.length > 0;
}

/** A statement of its own, after one that found nothing reserved: it sees what that one waited for. */
async function endedOf(query: Query, orderId: string): Promise<Ended | undefined> {
  const [ended] = await query<Ended>(
    `select status, expired_at is not null as "isExpired" from reservations where order_id = $1 for update`,
    [orderId],
  );
  return ended;
}

export interface OrderEvent {
  readonly id: string;
  readonly type: string;
  readonly orderId: string;
}

/** What became of an event. `short`: an order was confirmed whose stock expired and has been sold to others since. */
export type Reception = "done" | "duplicate" | "ignored" | "short";

/**
 * Acts on an event of an order, once. A command to commit may be refused, but a confirmed order is a fact, and paid for:
 * where its reservation expired before the news came, its stock is taken again if there is still enough. A cancelled
 * order, confirmed before or not, gives back what it has; it comes after the news that the order was confirmed.
 */
export async function receive(inbox: Inbox, event: OrderEvent): Promise<Reception> {
  const { type, orderId } = event;
  switch (type) {
    case "order.confirmed":
      return inbox.once(event, (query) => commitConfirmed(query, orderId));
    case "order.cancelled":
      return inbox.once<Reception>(event, async (query) => {
        await letGo(query, orderId, ["reserved", "committed"]);
        return "done";
      });
    default:
      // A declined order has no stock left once its own service has released it; the rest is of money, or of later times.
      return "ignored";
  }
}

async function commitConfirmed(query: Query, orderId: string): Promise<"done" | "short"> {
  if (await commitReserved(query, orderId)) return "done";
  const ended = await endedOf(query, orderId);
  if (ended?.status !== "released") return ended === undefined ? "short" : "done";
  return !ended.isExpired || (await commitAgain(query, orderId)) ? "done" : "short";
}

async function commitAgain(query: Query, orderId: string): Promise<boolean> {
  if (!(await holdAgain(query, orderId))) return false;
  await query(`update reservations set status = 'committed' where order_id = $1`, [orderId]);
  await sellHeld(query, orderId);
  return true;
}

/** Gives back what reservations hold whose time is up, oldest first. @returns how many there were, at most `limit` */
export async function expire(database: Database, limit: number): Promise<number> {
  return database.transaction(async (query) => {
    // Those that somebody is committing or releasing just now, or another replica is sweeping, are theirs.
    const expired = await query<{ readonly orderId: string }>(
      `update reservations set status = 'released', expired_at = now() where order_id in (
         select order_id from reservations where status = 'reserved' and expires_at <= now()
         order by expires_at limit $1 for update skip locked
       ) returning order_id as "orderId"`,
      [limit],
    );
    if (expired.length > 0)
      await returnStock(
        query,
        expired.map(({ orderId }) => orderId),
      );
    return expired.length;
  });
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
