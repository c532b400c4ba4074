import type { Database, Query } from "./database.ts";
import type { Idempotency } from "./patterns/idempotency.ts";

/**
 * The receiving side of events that come at least once: what an event leads to here is done once, since it is one
 * transaction with the note that the event came. One that comes again while the first is at work waits for it; where that
 * fails, it is new.
 */
export interface Inbox {
  /** @returns what `work` gives; `duplicate` when the event came before. What `work` throws undoes both. */
  once<T>(event: ReceivedEvent, work: (query: Query) => Promise<T>): Promise<T | "duplicate">;
}

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
}

/** For the migrations of a service that uses an inbox. */
export const inboxTable = `
create table if not exists inbox (event_id text primary key, received_at timestamptz not null default now());
create index if not exists inbox_by_age on inbox (received_at);
`;

/** An event is sent again within seconds, or when its sender is back. Each new one clears away two that are older. */
const keptDays = 7;

/** Repeats are told as suppressed; with the idempotency pattern off the work is done at each delivery. */
export function createInbox(database: Pick<Database, "transaction">, idempotency: Idempotency): Inbox {
  return {
    async once({ id, type }, work) {
      const received = await database.transaction(async (query) => {
        const news = await query(
          `with old as (
             select event_id from inbox where received_at < now() - $2 * interval '1 day'
             order by received_at limit 2 for update skip locked
           ), forgotten as (delete from inbox i using old where i.event_id = old.event_id)
           insert into inbox (event_id) values ($1) on conflict do nothing returning event_id`,
          [id, keptDays],
        );
        return news.length === 1 || !idempotency.isOn ? { answer: await work(query) } : "duplicate";
      });
      if (received !== "duplicate") return received.answer;
      idempotency.suppressed(type);
      return "duplicate";
    },
  };
}
