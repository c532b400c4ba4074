import type { Query } from "../service-kit/database.ts";
import type { Channel, ToldType } from "./message.ts";

/** A message that was given up: refused for good, or not accepted in so many attempts. Whom it was for it does not say. */
export type DeadLetter = {
  readonly id: string;
  readonly channel: Channel;
  readonly type: ToldType;
  readonly eventId: string;
  readonly orderId: string;
  readonly userId: string;
  readonly why: string;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly diedAt: Date;
};

/** What was given up and not replayed since. */
export class DeadLetters {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /** Newest first. @param page from 1 */
  async page(
    page: number,
    limit: number,
    channel: Channel | undefined,
  ): Promise<{ readonly deadLetters: readonly DeadLetter[]; readonly total: number }> {
    const [deadLetters, [counted]] = await Promise.all([
      this.#query<DeadLetter>(
        `select d.id, channel, type, event_id as "eventId", order_id as "orderId", user_id as "userId", why, d.attempts,
           created_at as "createdAt", died_at as "diedAt"
         from dead_letters d join messages using (event_id, channel)
         where replayed_at is null and channel = coalesce($3, channel)
         order by died_at desc, d.id limit $1 offset $2`,
        [limit, (page - 1) * limit, channel ?? null],
      ),
      this.#query<{ readonly total: number }>(
        `select count(*)::int as total from dead_letters
         where replayed_at is null and channel = coalesce($1, channel)`,
        [channel ?? null],
      ),
    ]);
    return { deadLetters, total: counted?.total ?? 0 };
  }

  async countByChannel(): Promise<readonly { readonly channel: Channel; readonly count: number }[]> {
    return this.#query(
      "select channel, count(*)::int as count from dead_letters where replayed_at is null group by channel",
    );
  }

  /** Makes its message due, with all its attempts before it. @returns how many; undefined when there is no such one */
  async replay(id: string): Promise<number | undefined> {
    const [found] = await this.#query<{ readonly replayed: number }>(
      `${replaying("id = $1")}
       select (select count(*) from due)::int as replayed from dead_letters where id = $1`,
      [id],
    );
    return found?.replayed;
  }

  /** Makes all messages that died on a channel due. @returns how many */
  async replayAll(channel: Channel): Promise<number> {
    const [found] = await this.#query<{ readonly replayed: number }>(
      `${replaying("channel = $1")} select count(*)::int as replayed from due`,
      [channel],
    );
    return found?.replayed ?? 0;
  }
}

/** A repeat finds nothing left to replay. */
function replaying(which: string): string {
  return `with replayed as (
      update dead_letters set replayed_at = now() where ${which} and replayed_at is null returning event_id, channel
    ), due as (
      update messages m set status = 'due', attempts = 0, due_at = now(), unsent_since = now(), settled_at = null
      from replayed r where m.event_id = r.event_id and m.channel = r.channel and m.status = 'dead'
      returning m.event_id
    )`;
}
