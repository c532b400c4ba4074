import { randomUUID } from "node:crypto";
import type { Query } from "../service-kit/database.ts";
import { appendEvents, wakeRelays } from "../service-kit/outbox.ts";
import type { TraceCarrier } from "../service-kit/tracing/trace-link.ts";

export type OrderStatus = "pending" | "confirmed" | "cancelled" | "declined";
export type OrderStep = "reserving" | "paying" | "refunding" | "releasing" | "done";

export type Item = { readonly productId: string; readonly quantity: number };

/** An order as its saga needs it. */
export type Order = {
  readonly orderId: string;
  readonly userId: string;
  /** The card to be charged; null for the user's newest. */
  readonly cardId: string | null;
  readonly status: OrderStatus;
  readonly step: OrderStep;
  /** Why it was cancelled or declined. */
  readonly reason: string | null;
  /** Known once stock is reserved. */
  readonly totalCents: number | null;
};

/** An order that nobody carries on, with where it began. */
export type DueOrder = Order & TraceCarrier & { readonly ageMs: number };

export type NewOrder = {
  readonly userId: string;
  readonly cardId: string | null;
  readonly idempotencyKey: string;
  readonly items: readonly Item[];
  readonly carrier: TraceCarrier & { readonly traceId: string | null };
};

/** What others are told of an order, as `order.confirmed` and so on; all but `placed` are in its history, too. */
export const changes = ["placed", "confirmed", "declined", "cancelled", "refunded"] as const;
export type Change = (typeof changes)[number];

const columns = `id as "orderId", user_id as "userId", card_id as "cardId", status, step, reason,
  total_cents as "totalCents"`;

/**
 * The orders as stored. Every move names the step it starts from, so that of two runs of one saga only one makes it; the
 * other gets `undefined` and reads what was decided. A move that others are told of is one statement with what they are
 * told; since it locks the order first, its events are numbered without gaps.
 */
export class Orders {
  readonly #query: Query;
  readonly #subscribers: readonly string[];
  readonly #onChange: (change: Change) => void;

  /**
   * @param subscribers who is told of what becomes of an order
   * @param onChange told of each change that was made here
   */
  constructor(
    query: Query,
    subscribers: readonly string[],
    onChange: (change: Change) => void = () => undefined,
  ) {
    this.#query = query;
    this.#subscribers = subscribers;
    this.#onChange = onChange;
  }

  /** Stores a new order, leased for `leaseMs`; `undefined` when its idempotency key has one already. */
  async place(
    { userId, cardId, idempotencyKey, items, carrier }: NewOrder,
    leaseMs: number,
  ): Promise<Order | undefined> {
    const order = await this.#one(
      `with placed as (
         insert into orders (id, user_id, card_id, idempotency_key, trace_id, traceparent, baggage, due_at, events)
         values ($1, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 ms', 1) on conflict do nothing returning *
       ), items as (
         insert into order_items (order_id, product_id, quantity)
         select p.id, i.product_id, sum(i.quantity)
         from placed p, unnest($11::text[], $12::int[]) i (product_id, quantity) group by p.id, i.product_id
         returning product_id, quantity
       ), history as (insert into order_history (order_id, status) select id, status from placed
       ), ${eventOf("placed", "placed", "items")}
       select ${columns}, ${wakeRelays} from placed`,
      [
        randomUUID(),
        randomUUID(),
        this.#subscribers,
        userId,
        cardId,
        idempotencyKey,
        carrier.traceId,
        carrier.traceparent,
        carrier.baggage,
        leaseMs,
        items.map(({ productId }) => productId),
        items.map(({ quantity }) => quantity),
      ],
    );
    if (order !== undefined) this.#onChange("placed");
    return order;
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

  /** Confirms a paid order. */
  async confirmed(orderId: string): Promise<Order | undefined> {
    return this.#move(
      orderId,
      "confirmed",
      `status = 'confirmed', step = 'done' where id = $1 and step = 'paying'`,
    );
  }

  /** Decides that the order will not be; what it holds is given back from step `next` on. */
  async failed(
    { orderId, step }: Order,
    status: "cancelled" | "declined",
    reason: string,
    next: "refunding" | "releasing",
  ): Promise<Order | undefined> {
    return this.#move(orderId, status, `status = $4, reason = $5, step = $6 where id = $1 and step = $7`, [
      status,
      reason,
      next,
      step,
    ]);
  }

  /** Cancels a user's order, whatever is under way for it, and leaves to the sweeper to give back what it holds. */
  async cancelled(orderId: string, userId: string, reason: string): Promise<Order | undefined> {
    return this.#move(
      orderId,
      "cancelled",
      `status = 'cancelled', reason = $5, due_at = now(),
         step = case step when 'reserving' then 'releasing' else 'refunding' end
       where id = $1 and user_id = $4 and status in ('pending', 'confirmed')`,
      [userId, reason],
    );
  }

  /** The money that had been taken for a cancelled order is back. */
  async refunded(orderId: string): Promise<Order | undefined> {
    return this.#move(orderId, "refunded", `step = 'releasing' where id = $1 and step = 'refunding'`);
  }

  async advanced({ orderId, step }: Order, next: "releasing" | "done"): Promise<Order | undefined> {
    return this.#one(`update orders set step = $3 where id = $1 and step = $2 returning ${columns}`, [
      orderId,
      step,
      next,
    ]);
  }

  /**
   * Leases unfinished orders that nobody carries on, and renews the leases of those at work here; but no lease that is
   * over: who cancels an order under way ends its lease, so that it is given back as soon as that run sees it.
   * @param running ids at work in this process
   */
  async claim(limit: number, leaseMs: number, running: readonly string[]): Promise<readonly DueOrder[]> {
    return this.#query<DueOrder>(
      `with renewed as (
         update orders set due_at = now() + $2 * interval '1 ms'
         where id = any ($3) and step <> 'done' and due_at > now()
       )
       update orders set due_at = now() + $2 * interval '1 ms' where id in (
         select id from orders where step <> 'done' and due_at <= now() and id <> all ($3)
         order by due_at limit $1 for update skip locked
       ) returning ${columns}, traceparent, baggage,
         (extract(epoch from now() - created_at) * 1000)::float8 as "ageMs"`,
      [limit, leaseMs, running],
    );
  }

  /** @param move what to set, and where, by the parameters $1, the order's id, and from $4 on, `values` */
  async #move(
    orderId: string,
    change: Exclude<Change, "placed">,
    move: string,
    values: readonly unknown[] = [],
  ): Promise<Order | undefined> {
    const moved = await this.#one(
      `with moved as (update orders set events = events + 1, ${move} returning *),
       history as (insert into order_history (order_id, status) select id, '${change}' from moved),
       ${eventOf("moved", change, "order_items where order_id = $1")}
       select ${columns}, ${wakeRelays} from moved`,
      [orderId, randomUUID(), this.#subscribers, ...values],
    );
    if (moved !== undefined) this.#onChange(change);
    return moved;
  }

  async #one(sql: string, values: readonly unknown[]): Promise<Order | undefined> {
    return (await this.#query<Order>(sql, values))[0];
  }
}

/** CTEs that append the event of a change to the order in CTE `source`; its id is $2, who is told $3. */
function eventOf(source: string, change: Change, items: string): string {
  const type = `'order.${change}'`;
  return `event as (
      select $2::uuid as id, o.id as stream, o.events as sequence, ${type} as type, o.traceparent, o.baggage,
        jsonb_build_object('id', $2::uuid, 'type', ${type}, 'orderId', o.id, 'userId', o.user_id,
          'sequence', o.events, 'at', clock_timestamp(), 'totalCents', o.total_cents, 'items', (
            select jsonb_agg(jsonb_build_object('productId', product_id, 'quantity', quantity) order by product_id)
            from ${items})
        ) || case when o.reason is null then '{}' else jsonb_build_object('reason', o.reason) end as payload
      from ${source} o
    ), ${appendEvents("event", "$3::text[]")}`;
}
