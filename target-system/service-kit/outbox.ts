import type { Database } from "./database.ts";
import type { TraceCarrier } from "./tracing/trace-link.ts";

/**
 * Events that a service owes to its subscribers, written down in the transaction that makes them true. Events that must be
 * told in order are of one stream (an order's, say), in which they are numbered 1, 2, 3 and so on, without gaps:
 *
 *   outbox_events     what happened: a row for each event
 *   outbox_progress   how far each subscriber has been told of each stream: a row for each of both
 *
 * A subscriber is owed the event after the one `delivered` last, and no other of that stream: that is what keeps the order.
 * It is also what keeps claims small: to one that is away for long there is a row to claim for each stream, whatever
 * happens in it, and an index holds those alone that are behind.
 *
 * Who appends locks its stream's rows in order of the subscribers' names, and a relay those of one subscriber: nobody waits
 * in a circle.
 */
export const outboxTables = `
create table if not exists outbox_events (
  id uuid primary key,
  stream text not null,
  sequence int not null,
  type text not null,
  payload jsonb not null,
  traceparent text,
  baggage text,
  created_at timestamptz not null default now(),
  unique (stream, sequence)
);
create table if not exists outbox_progress (
  stream text not null,
  subscriber text not null,
  delivered int not null,
  last int not null,
  -- Of the next event: how often it was tried, when it may be tried again, since when it is owed.
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  owed_since timestamptz not null default now(),
  primary key (stream, subscriber)
);
create index if not exists outbox_progress_due on outbox_progress (subscriber, due_at) where delivered < last;
create index if not exists outbox_progress_owed on outbox_progress (subscriber, owed_since) where delivered < last;
-- Where all is told, due_at is when the last of it was.
create index if not exists outbox_progress_told on outbox_progress (due_at) where delivered = last;
`;

const channel = "outbox";

/** An SQL expression, for the statement that appends: tells relays, once it is committed, that there is something to do. */
export const wakeRelays = `pg_notify('${channel}', '')`;

/**
 * The end of a WITH clause, which appends events in the same statement as the change that they tell of.
 * @param source a CTE of the clause, with the columns id, stream, sequence, type, payload, traceparent and baggage; its
 * transaction must hold a lock on the stream, so that the stream's sequence has no gap
 * @param subscribers an SQL expression of type text[]
 */
export function appendEvents(source: string, subscribers: string): string {
  return `appended as (
      insert into outbox_events (id, stream, sequence, type, payload, traceparent, baggage)
      select id, stream, sequence, type, payload, traceparent, baggage from ${source}
    ), owed as (
      insert into outbox_progress as known (stream, subscriber, delivered, last)
      select stream, subscriber, sequence - 1, sequence from ${source}, unnest(${subscribers}) subscriber
      order by subscriber
      on conflict (stream, subscriber) do update set last = excluded.last,
        due_at = case when known.delivered = known.last then now() else known.due_at end,
        owed_since = case when known.delivered = known.last then now() else known.owed_since end
    )`;
}

/** The next event that a subscriber is owed of a stream. */
export type Delivery = TraceCarrier & {
  readonly eventId: string;
  readonly type: string;
  readonly stream: string;
  readonly sequence: number;
  readonly payload: unknown;
  /** This one included. */
  readonly attempts: number;
  /** How old the event was when it was claimed. */
  readonly ageMs: number;
};

/** What a subscriber is owed, over all streams. */
export type Owed = {
  readonly subscriber: string;
  readonly events: number;
  /** For how long it has been owed the oldest of them. */
  readonly oldestMs: number;
};

type Place = Pick<Delivery, "stream" | "sequence">;

/** The relays' side of the outbox. Any number of them may work on it at once. */
export class Outbox {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Tells of events that were appended, by whomever, and once after each (re)connection, until the signal aborts. */
  listen(onAppend: () => void, signal: AbortSignal): void {
    this.#database.listen(channel, onAppend, signal);
  }

  /** Leases what one subscriber is owed and is due, longest due first, of each stream one event. */
  async claim(subscriber: string, limit: number, leaseMs: number): Promise<readonly Delivery[]> {
    const claimed = await this.#database.query<Place & (Delivery | { readonly eventId: null })>(
      `with due as (
         select stream from outbox_progress
         where subscriber = $1 and delivered < last and due_at <= now()
         order by due_at limit $2 for update skip locked
       ), claimed as (
         update outbox_progress p set attempts = p.attempts + 1, due_at = now() + $3 * interval '1 ms'
         from due where p.stream = due.stream and p.subscriber = $1
         returning p.stream, p.delivered + 1 as sequence, p.attempts
       )
       select e.id as "eventId", e.type, stream, sequence, e.payload, e.traceparent, e.baggage, c.attempts,
         (extract(epoch from now() - e.created_at) * 1000)::float8 as "ageMs"
       from claimed c left join outbox_events e using (stream, sequence)`,
      [subscriber, limit, leaseMs],
    );
    const deliveries = claimed.filter((delivery) => delivery.eventId !== null);
    // A lock is of the newest version of a row, which may owe an event that is newer than what this statement sees.
    if (deliveries.length < claimed.length)
      await this.postpone(
        subscriber,
        claimed.filter(({ eventId }) => eventId === null).map((place) => ({ ...place, againInMs: 0 })),
      );
    return deliveries;
  }

  /** Writes down what a subscriber has taken. @returns whether there is more for it in one of these streams */
  async delivered(subscriber: string, places: readonly Place[]): Promise<boolean> {
    if (places.length === 0) return false;
    const moved = await this.#database.query<{ readonly isMore: boolean }>(
      `update outbox_progress p set delivered = told.sequence, attempts = 0, due_at = now(), owed_since = coalesce((
         select created_at from outbox_events e where e.stream = told.stream and e.sequence = told.sequence + 1
       ), now())
       from unnest($2::text[], $3::int[]) told (stream, sequence)
       where p.subscriber = $1 and p.stream = told.stream and p.delivered = told.sequence - 1
       returning p.delivered < p.last as "isMore"`,
      [subscriber, places.map(({ stream }) => stream), places.map(({ sequence }) => sequence)],
    );
    return moved.some(({ isMore }) => isMore);
  }

  /** Makes events due again after a while, unless they were delivered meanwhile. */
  async postpone(
    subscriber: string,
    places: readonly (Place & { readonly againInMs: number })[],
  ): Promise<void> {
    if (places.length === 0) return;
    await this.#database.query(
      `update outbox_progress p set due_at = now() + later.ms * interval '1 ms'
       from unnest($2::text[], $3::int[], $4::float8[]) later (stream, sequence, ms)
       where p.subscriber = $1 and p.stream = later.stream and p.delivered = later.sequence - 1`,
      [
        subscriber,
        places.map(({ stream }) => stream),
        places.map(({ sequence }) => sequence),
        places.map(({ againInMs }) => againInMs),
      ],
    );
  }

  /** What each subscriber is owed: 0 of both where it is owed nothing. Counts the events of 10,000 streams at most. */
  async owed(subscribers: readonly string[]): Promise<readonly Owed[]> {
    return this.#database.query<Owed>(
      `select subscriber, coalesce((
         select (extract(epoch from now() - owed_since) * 1000)::float8 from outbox_progress p
         where p.subscriber = s.subscriber and delivered < last order by owed_since limit 1
       ), 0) as "oldestMs", (
         select coalesce(sum(last - delivered), 0)::int from (
           select delivered, last from outbox_progress p
           where p.subscriber = s.subscriber and delivered < last limit 10000
         ) behind
       ) as events from unnest($1::text[]) s (subscriber)`,
      [subscribers],
    );
  }

  /**
   * Forgets streams all of which everybody was told longer ago than `keptMs`; an event that comes later goes on in the
   * same sequence. One at a time does this: two, each with a part of a stream's rows, would both leave its events to the
   * other.
   * @param limit streams and subscribers at once
   * @returns whether there may be more
   */
  async forget(keptMs: number, limit: number): Promise<boolean> {
    return this.#database.transaction(async (query) => {
      const [lock] = await query<{ readonly isOurs: boolean }>(
        `select pg_try_advisory_xact_lock(hashtext('outbox.forget')) as "isOurs"`,
      );
      if (lock?.isOurs !== true) return false;
      const forgotten = await query<{ readonly stream: string }>(
        `delete from outbox_progress p using (
           select stream, subscriber from outbox_progress
           where delivered = last and due_at < now() - $1 * interval '1 ms'
           order by due_at limit $2 for update skip locked
         ) old where p.stream = old.stream and p.subscriber = old.subscriber returning p.stream`,
        [keptMs, limit],
      );
      await query(
        `delete from outbox_events e where stream = any ($1)
           and not exists (select from outbox_progress p where p.stream = e.stream)`,
        [[...new Set(forgotten.map(({ stream }) => stream))]],
      );
      return forgotten.length === limit;
    });
  }
}
