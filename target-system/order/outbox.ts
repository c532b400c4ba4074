import type { Query } from "../service-kit/database.ts";
import type { TraceCarrier } from "./trace-link.ts";

/** An event to be delivered to one subscriber. */
export type Delivery = TraceCarrier & {
  readonly eventId: string;
  readonly type: string;
  readonly orderId: string;
  readonly payload: unknown;
  /** This one included. */
  readonly attempts: number;
};

/** The events that an order's confirming transaction left behind, and what each subscriber has received of them. */
export class Outbox {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /** Leases deliveries that are due to one subscriber, those waiting longest first. */
  async claim(subscriber: string, limit: number, leaseMs: number): Promise<readonly Delivery[]> {
    return this.#query<Delivery>(
      `with due as (
         select event_id from outbox_deliveries
         where subscriber = $1 and delivered_at is null and due_at <= now()
         order by due_at limit $2 for update skip locked
       ), claimed as (
         update outbox_deliveries d set attempts = d.attempts + 1, due_at = now() + $3 * interval '1 ms'
         from due where d.subscriber = $1 and d.event_id = due.event_id returning d.event_id, d.attempts
       )
       select o.id as "eventId", o.type, o.order_id as "orderId", o.payload, o.traceparent, o.baggage, c.attempts
       from claimed c join outbox o on o.id = c.event_id`,
      [subscriber, limit, leaseMs],
    );
  }

  async delivered(subscriber: string, eventIds: readonly string[]): Promise<void> {
    if (eventIds.length === 0) return;
    await this.#query(
      "update outbox_deliveries set delivered_at = now() where subscriber = $1 and event_id = any ($2)",
      [subscriber, eventIds],
    );
  }

  /** Makes deliveries due again: after `firstMs`, doubled with every attempt, at most `mostMs`. */
  async postponed(
    subscriber: string,
    eventIds: readonly string[],
    firstMs: number,
    mostMs: number,
  ): Promise<void> {
    if (eventIds.length === 0) return;
    await this.#query(
      `update outbox_deliveries
       set due_at = now() + least($4::float8, $3 * power(2, least(attempts, 20) - 1)) * interval '1 ms'
       where subscriber = $1 and event_id = any ($2) and delivered_at is null`,
      [subscriber, eventIds, firstMs, mostMs],
    );
  }
}
