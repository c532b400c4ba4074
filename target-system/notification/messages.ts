import type { Query } from "../service-kit/database.ts";
import type { Channel, Message } from "./message.ts";
import type { OrderEvent } from "./order-event.ts";

/** Where in which trace an event was delivered. */
export interface Carrier {
  readonly traceparent?: string;
  readonly baggage?: string;
}

/** A pause before the next try: from `firstMs` on doubled with every attempt, at most `mostMs`, jittered. */
export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** What waits on a channel; since when is counted from when a message was made due. */
export type Unsent = { readonly channel: Channel; readonly count: number; readonly oldestSeconds: number };

/** What is to be sent, and was. */
export class Messages {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /**
   * Stores an event and the messages it leads to, in one transaction: the statement.
   * @param key by which the event is known when it comes again
   * @returns false when it is known already, and nothing was stored
   */
  async receive(key: string, event: OrderEvent, { traceparent, baggage }: Carrier): Promise<boolean> {
    const { type, sequence, orderId, userId, totalCents, items, reason } = event;
    const stored = await this.#query(
      `with received as (insert into inbox (event_id) values ($1) on conflict do nothing returning event_id)
       insert into messages (event_id, channel, type, sequence, order_id, user_id, total_cents, items, reason,
         traceparent, baggage)
       select event_id, channel, $2, $3, $4, $5, $6, $7, $8, $9, $10
       from received, unnest(array['email', 'sms']) channel returning channel`,
      [
        key,
        type,
        sequence,
        orderId,
        userId,
        totalCents,
        JSON.stringify(items),
        reason,
        traceparent ?? null,
        baggage ?? null,
      ],
    );
    return stored.length > 0;
  }

  /**
   * Leases messages that are due on a channel, those waiting longest first; of an order only the earliest that is unsent,
   * so that a customer never reads of a refund before the cancellation.
   * @param inFlight ids of events whose message this process is sending there
   */
  async claim(
    channel: Channel,
    limit: number,
    leaseMs: number,
    inFlight: readonly string[],
  ): Promise<readonly Message[]> {
    return this.#query<Message>(
      `with due as (
         select event_id from messages m
         where channel = $1 and status = 'due' and due_at <= now() and event_id <> all ($4) and not exists (
           select from messages earlier
           where earlier.order_id = m.order_id and earlier.channel = m.channel and earlier.status = 'due'
             and earlier.sequence < m.sequence)
         order by due_at limit $2 for update skip locked
       )
       update messages m
       set attempts = m.attempts + 1, claims = m.claims + 1, due_at = now() + $3 * interval '1 ms'
       from due where m.channel = $1 and m.event_id = due.event_id
       returning m.event_id as "eventId", m.channel, m.type, m.order_id as "orderId", m.user_id as "userId",
         m.total_cents as "totalCents", m.items, m.reason, m.traceparent, m.baggage, m.attempts, m.claims as claim`,
      [channel, limit, leaseMs, inFlight],
    );
  }

  /** Also for who has lost the lease: what was sent need not be sent by the next. @returns false when it was settled before */
  async settled({ eventId, channel }: Message, status: "sent" | "skipped"): Promise<boolean> {
    const settled = await this.#query(
      `update messages set status = $3, settled_at = now()
       where event_id = $1 and channel = $2 and status = 'due' returning event_id`,
      [eventId, channel, status],
    );
    return settled.length > 0;
  }

  /** Makes a message due again after a pause. */
  async postponed({ eventId, channel, claim }: Message, { firstMs, mostMs }: Backoff): Promise<void> {
    await this.#query(
      `update messages set due_at = now()
         + least($5::float8, $4 * power(2, least(attempts, 20) - 1)) * (0.5 + random() / 2) * interval '1 ms'
       where event_id = $1 and channel = $2 and claims = $3 and status = 'due'`,
      [eventId, channel, claim, firstMs, mostMs],
    );
  }

  /** Makes a message that could not be tried due again after about `pauseMs`; it was no attempt. */
  async held({ eventId, channel, claim }: Message, pauseMs: number): Promise<void> {
    await this.#query(
      `update messages set attempts = attempts - 1, due_at = now() + $4 * (0.5 + random() / 2) * interval '1 ms'
       where event_id = $1 and channel = $2 and claims = $3 and status = 'due'`,
      [eventId, channel, claim, pauseMs],
    );
  }

  /** Gives a message up, and keeps why. @returns false when it is another's by now */
  async died({ eventId, channel, claim }: Message, why: string): Promise<boolean> {
    const dead = await this.#query(
      `with dead as (
         update messages set status = 'dead', settled_at = now()
         where event_id = $1 and channel = $2 and claims = $3 and status = 'due'
         returning event_id, channel, attempts
       )
       insert into dead_letters (event_id, channel, why, attempts) select event_id, channel, $4, attempts from dead
       returning id`,
      [eventId, channel, claim, why],
    );
    return dead.length > 0;
  }

  async unsent(): Promise<readonly Unsent[]> {
    return this.#query<Unsent>(
      `select channel, count(*)::int as count, extract(epoch from now() - min(unsent_since))::float8 as "oldestSeconds"
       from messages where status = 'due' group by channel`,
    );
  }

  /** Deletes what was settled that long ago, with its event. @returns how many events */
  async forget(days: number, limit: number): Promise<number> {
    const forgotten = await this.#query(
      `with old as (
         select event_id from inbox i where received_at < now() - $1 * interval '1 day' and not exists (
           select from messages m where m.event_id = i.event_id and status in ('due', 'dead'))
         order by received_at limit $2 for update skip locked
       ), messages_gone as (delete from messages m using old where m.event_id = old.event_id)
       delete from inbox i using old where i.event_id = old.event_id returning i.event_id`,
      [days, limit],
    );
    return forgotten.length;
  }
}
