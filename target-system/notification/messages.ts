import type { Query } from "../service-kit/database.ts";

export type Channel = "email" | "sms";

/** What is to be said to one user on one channel because of one event. */
export type Message = {
  readonly eventId: string;
  readonly channel: Channel;
  readonly orderId: string;
  readonly userId: string;
  readonly totalCents: number;
  readonly traceparent: string | null;
  readonly baggage: string | null;
};

export type OrderConfirmed = Pick<Message, "orderId" | "userId" | "totalCents"> & { readonly id: string };

/** `skipped`: the user does not want it there, or is gone. `refused`: it will never be accepted. */
export type FinalStatus = "sent" | "skipped" | "refused";

export class Messages {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /** Stores an event and the messages it leads to, in one transaction: the statement. A known event changes nothing. */
  async receive(
    { id, orderId, userId, totalCents }: OrderConfirmed,
    carrier: { readonly traceparent?: string; readonly baggage?: string },
  ): Promise<void> {
    await this.#query(
      `with received as (insert into inbox (event_id) values ($1) on conflict do nothing returning event_id)
       insert into messages (event_id, channel, order_id, user_id, total_cents, traceparent, baggage)
       select event_id, channel, $2, $3, $4, $5, $6 from received, unnest(array['email', 'sms']) channel`,
      [id, orderId, userId, totalCents, carrier.traceparent ?? null, carrier.baggage ?? null],
    );
  }

  /**
   * Leases messages that are due on a channel, those waiting longest first.
   * @param inFlight ids of events whose message this process is sending there
   */
  async claim(
    channel: Channel,
    limit: number,
    leaseMs: number,
    inFlight: readonly string[],
  ): Promise<readonly Message[]> {
    return this.#query<Message>(
      `update messages set attempts = attempts + 1, due_at = now() + $3 * interval '1 ms'
       where channel = $1 and event_id in (
         select event_id from messages
         where channel = $1 and status = 'due' and due_at <= now() and event_id <> all ($4)
         order by due_at limit $2 for update skip locked
       ) returning event_id as "eventId", channel, order_id as "orderId", user_id as "userId",
         total_cents as "totalCents", traceparent, baggage`,
      [channel, limit, leaseMs, inFlight],
    );
  }

  async settled({ eventId, channel }: Message, status: FinalStatus): Promise<void> {
    await this.#query("update messages set status = $3 where event_id = $1 and channel = $2", [
      eventId,
      channel,
      status,
    ]);
  }

  /** Makes a message due again: after `firstMs`, doubled with every attempt, at most `mostMs`, jittered. */
  async postponed({ eventId, channel }: Message, firstMs: number, mostMs: number): Promise<void> {
    await this.#query(
      `update messages set due_at = now()
         + least($4::float8, $3 * power(2, least(attempts, 20) - 1)) * (0.5 + random() / 2) * interval '1 ms'
       where event_id = $1 and channel = $2`,
      [eventId, channel, firstMs, mostMs],
    );
  }
}
