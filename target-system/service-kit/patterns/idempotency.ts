import { createHash, randomUUID } from "node:crypto";
import type { Database, Query } from "../database.ts";
import { HttpError } from "../http-error.ts";
import type { Migration } from "../migrations.ts";
import type { Tell } from "./pattern-event.ts";

/**
 * A request that carries a key does once what it does, however often it comes: a repeat is given the first one's answer.
 *
 *   key is new ──▶ work and answer stored, in one transaction ──▶ answer
 *   key is known ─▶ the stored answer                    key is being worked on ─▶ wait, then the one or the other
 *
 * That work and key are one transaction is what makes it right: neither can be there without the other, whatever dies. So
 * it is for work on the service's own database alone. What must also call others stores its steps itself, under a unique
 * key of its own, and tells here of repeats that it recognised.
 *
 * Source: IETF draft "The Idempotency-Key HTTP Header Field" (there 422 for a key used again for something else).
 */
export interface Idempotency {
  /** The key to know a request by: the one given. With the pattern off one that nobody used: every repeat is new. */
  keyOf(given: string): string;
  /** A repeat was recognised, and was not done again. */
  suppressed(operation: string): void;
  /**
   * @throws {HttpError} 422 when the key was used with another content. What `work` throws undoes its work and frees the key.
   */
  once(request: KeyedRequest, work: (query: Query) => Promise<KeyedAnswer>): Promise<KeyedAnswer>;
}

export interface KeyedRequest {
  /** A key counts within its operation alone. */
  readonly operation: string;
  /** The client's; where clients could guess each other's, with the user's id before it. */
  readonly key: string;
  /** What is asked for, to tell a repeat from a mistake. No secrets: its hash is stored. */
  readonly content: unknown;
}

export type KeyedAnswer = { readonly status: number; readonly body: unknown };

/** Among the migrations of a service that uses {@link Idempotency.once}. */
export const idempotencyKeys: Migration = {
  id: "idempotency-keys",
  sql: `
create table if not exists idempotency_keys (
  operation text not null, key text not null, content_hash text not null, status int, body jsonb,
  created_at timestamptz not null default now(), primary key (operation, key)
);
create index if not exists idempotency_keys_by_age on idempotency_keys (created_at);
`,
};

/** Keys are forgotten after this time: a repeat is a matter of minutes. Each new key clears away two old ones. */
const keptHours = 24;

export function createIdempotency(database: Database, isOn: boolean, tell: Tell): Idempotency {
  const suppressed = (operation: string): void => tell({ kind: "duplicate", operation });
  return {
    keyOf: (given) => (isOn ? given : randomUUID()),
    suppressed,
    async once(request, work) {
      if (!isOn) return database.transaction(work);
      const contentHash = createHash("sha256").update(JSON.stringify(request.content)).digest("base64url");
      return database.transaction(async (query) => {
        if (!(await take(query, request, contentHash))) {
          const known = await answerOf(query, request, contentHash);
          suppressed(request.operation);
          return known;
        }
        const answer = await work(query);
        await query("update idempotency_keys set status = $3, body = $4 where operation = $1 and key = $2", [
          request.operation,
          request.key,
          answer.status,
          JSON.stringify(answer.body ?? null),
        ]);
        return answer;
      });
    },
  };
}

/** Waits while another transaction holds the key. @returns false when it is taken for good */
async function take(query: Query, { operation, key }: KeyedRequest, contentHash: string): Promise<boolean> {
  const taken = await query(
    `with old as (
       select operation, key from idempotency_keys where created_at < now() - $4 * interval '1 hour'
       order by created_at limit 2 for update skip locked
     ), forgotten as (delete from idempotency_keys k using old where (k.operation, k.key) = (old.operation, old.key))
     insert into idempotency_keys (operation, key, content_hash) values ($1, $2, $3)
     on conflict do nothing returning key`,
    [operation, key, contentHash, keptHours],
  );
  return taken.length === 1;
}

async function answerOf(
  query: Query,
  { operation, key }: KeyedRequest,
  contentHash: string,
): Promise<KeyedAnswer> {
  const [known] = await query<KeyedAnswer & { readonly contentHash: string }>(
    `select status, body, content_hash as "contentHash" from idempotency_keys where operation = $1 and key = $2`,
    [operation, key],
  );
  if (known === undefined) throw new HttpError(503, "try-again", "this key was forgotten just now");
  if (known.contentHash !== contentHash)
    throw new HttpError(422, "key-reused", "this idempotency key was used with another content");
  return { status: known.status, body: known.body };
}
