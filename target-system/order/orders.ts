import { randomUUID } from "node:crypto";
import type { Query } from "../service-kit/database.ts";
import type { TraceCarrier } from "./trace-link.ts";

export type OrderStatus = "pending" | "confirmed" | "cancelled" | "declined";
export type OrderStep = "reserving" | "paying" | "refunding" | "releasing" | "done";

export type Item = { readonly productId: string; readonly quantity: number };

/** An order as its saga needs it. */
export type Order = {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly step: OrderStep;
  /** Why it was cancelled. */
  readonly reason: string | null;
  /** Known once stock is reserved. */
  readonly totalCents: number | null;
};

/** An order that nobody carries on, with where it began. */
export type DueOrder = Order & TraceCarrier & { readonly ageMs: number };

export type NewOrder = {
  readonly userId: string;
  readonly idempotencyKey: string;
  readonly items: readonly Item[];
  readonly carrier: TraceCarrier & { readonly traceId: string | null };
};

export type OrderView = {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly totalCents: number | null;
};

const columns = `id as "orderId", status, step, reason, total_cents as "totalCents"`;
const pageSize = 20;

/**
 * The orders as stored. Every move names the step it starts from, so that of two runs of one saga only one makes it; the
 * other gets `undefined` and reads what was decided.
 */
export class Orders {
  readonly #query: Query;
  readonly #subscribers: readonly string[];

  /** @param subscribers who is told of a confirmed order */
  constructor(query: Query, subscribers: readonly string[]) {
    this.#query = query;
    this.#subscribers = subscribers;
  }

  /** Stores a new order, leased for `leaseMs`; `undefined` when its idempotency key has one already. */
  async place(
    { userId, idempotencyKey, items, carrier }: NewOrder,
    leaseMs: number,
  ): Promise<Order | undefined> {
    return this.#one(
      `with placed as (
         insert into orders (id, user_id, idempotency_key, trace_id, traceparent, baggage, due_at)
         values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 ms') on conflict do nothing returning *
       ), items as (
         insert into order_items (order_id, product_id, quantity)
         select p.id, i.product_id, sum(i.quantity)
         from placed p, unnest($8::text[], $9::int[]) i (product_id, quantity) group by p.id, i.product_id
       ), history as (insert into order_history (order_id, status) select id, status from placed)
       select ${columns} from placed`,
      [
        randomUUID(),
        userId,
        idempotencyKey,
        carrier.traceId,
        carrier.traceparent,
        carrier.baggage,
        leaseMs,
        items.map(({ productId }) => productId),
        items.map(({ quantity }) => quantity),
      ],
    );
  }

  async byKey(idempotencyKey: string): Promise<Order | undefined> {
    return this.#one(`select ${columns} from orders where idempotency_key = $1`, [idempotencyKey]);
  }

  async byId(orderId: string): Promise<Order | undefined> {
    return this.#one(`select ${columns} from orders where id = $1`, [orderId]);
  }

  async itemsOf(orderId: string): Promise<readonly Item[]> {
    return this.#query<Item>(
      `select product_id as "productId", quantity from order_items where order_id = $1 order by product_id`,
      [orderId],
    );
  }

  async reserved(orderId: string, totalCents: number): Promise<Order | undefined> {
    return this.#one(
      `update orders set step = 'paying', total_cents = $2 where id = $1 and step = 'reserving' returning ${columns}`,
      [orderId, totalCents],
    );
  }

  /** Confirms a paid order and writes down whom to tell, in one transaction: the statement. */
  async confirmed(orderId: string): Promise<Order | undefined> {
    return this.#one(
      `with confirmed as (
         update orders set status = 'confirmed', step = 'done' where id = $1 and step = 'paying' returning *
       ), history as (insert into order_history (order_id, status) select id, status from confirmed
       ), event as (
         insert into outbox (id, type, order_id, payload, traceparent, baggage)
         select $2::uuid, 'order.confirmed', id, jsonb_build_object(
           'id', $2::uuid, 'type', 'order.confirmed', 'orderId', id, 'userId', user_id, 'totalCents', total_cents,
           'at', clock_timestamp(), 'items', (
             select jsonb_agg(jsonb_build_object('productId', product_id, 'quantity', quantity) order by product_id)
             from order_items where order_id = $1)
         ), traceparent, baggage from confirmed
       ), deliveries as (
         insert into outbox_deliveries (event_id, subscriber) select $2::uuid, s from confirmed, unnest($3::text[]) s
       ) select ${columns}, pg_notify('outbox', '') from confirmed`,
      [orderId, randomUUID(), this.#subscribers],
    );
  }

  /** Decides that the order will not be; what it holds is given back from step `next` on. */
  async failed(
    { orderId, step }: Order,
    status: "cancelled" | "declined",
    reason: string,
    next: "refunding" | "releasing",
  ): Promise<Order | undefined> {
    return this.#one(
      `with failed as (
         update orders set status = $3, reason = $4, step = $5 where id = $1 and step = $2 returning *
       ), history as (insert into order_history (order_id, status) select id, status from failed)
       select ${columns} from failed`,
      [orderId, step, status, reason, next],
    );
  }

  async advanced({ orderId, step }: Order, next: "releasing" | "done"): Promise<Order | undefined> {
    return this.#one(`update orders set step = $3 where id = $1 and step = $2 returning ${columns}`, [
      orderId,
      step,
      next,
    ]);
  }

  /**
   * Leases unfinished orders that nobody carries on, and renews the leases of those at work here.
   * @param running ids at work in this process
   */
  async claim(limit: number, leaseMs: number, running: readonly string[]): Promise<readonly DueOrder[]> {
    return this.#query<DueOrder>(
      `with renewed as (
         update orders set due_at = now() + $2 * interval '1 ms' where id = any ($3) and step <> 'done'
       )
       update orders set due_at = now() + $2 * interval '1 ms' where id in (
         select id from orders where step <> 'done' and due_at <= now() and id <> all ($3)
         order by due_at limit $1 for update skip locked
       ) returning ${columns}, traceparent, baggage,
         (extract(epoch from now() - created_at) * 1000)::float8 as "ageMs"`,
      [limit, leaseMs, running],
    );
  }

  async view(
    orderId: string,
    userId: string,
  ): Promise<(OrderView & { readonly history: readonly unknown[] }) | undefined> {
    const [view] = await this.#query<OrderView & { readonly history: readonly unknown[] }>(
      `select id as "orderId", status, total_cents as "totalCents", (
         select jsonb_agg(jsonb_build_object('status', h.status, 'at', h.at) order by h.at)
         from order_history h where h.order_id = o.id
       ) as history from orders o where id = $1 and user_id = $2`,
      [orderId, userId],
    );
    return view;
  }

  /** @param page from 1, newest orders first */
  async list(userId: string, page: number): Promise<readonly (OrderView & { readonly createdAt: Date })[]> {
    return this.#query(
      `select id as "orderId", status, total_cents as "totalCents", created_at as "createdAt"
       from orders where user_id = $1 order by created_at desc, id limit $2 offset $3`,
      [userId, pageSize, (page - 1) * pageSize],
    );
  }

  async #one(sql: string, values: readonly unknown[]): Promise<Order | undefined> {
    return (await this.#query<Order>(sql, values))[0];
  }
}
