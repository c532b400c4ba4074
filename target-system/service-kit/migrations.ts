import { createHash } from "node:crypto";
import type { Query } from "./database.ts";

/** A step of a database's history: run once, never changed afterwards. What is to be different is the next step. */
export interface Migration {
  /** Says when it came and what it does, "002-refunds". */
  readonly id: string;
  readonly sql: string;
}

/** The database has another history than this service: bringing it up to date would be a guess. */
export class ChangedHistory extends Error {
  override readonly name = "ChangedHistory";
}

type Applied = { readonly id: string; readonly checksum: string };

const historyTable = `
create table if not exists schema_migrations (
  position int primary key, id text not null unique, checksum text not null,
  applied_at timestamptz not null default now()
)`;

/**
 * Runs the migrations that a database has not seen. For a transaction in which nobody else migrates it.
 * @returns the ids of those that were run
 * @throws {ChangedHistory}
 */
export async function migrate(query: Query, migrations: readonly Migration[]): Promise<readonly string[]> {
  await query(historyTable);
  const applied = await query<Applied>("select id, checksum from schema_migrations order by position");
  const pending = pendingMigrations(applied, migrations);
  for (const [index, { id, sql }] of pending.entries()) {
    await query(sql);
    await query("insert into schema_migrations (position, id, checksum) values ($1, $2, $3)", [
      applied.length + index + 1,
      id,
      checksumOf(sql),
    ]);
  }
  return pending.map(({ id }) => id);
}

/**
 * What is left to run. Where the database is ahead, a newer version of the service has been here, as in a rolling restart:
 * nothing is left, and this one goes on with what it knows.
 * @throws {ChangedHistory} naming the first step at which the database and the service tell different stories
 */
export function pendingMigrations(
  applied: readonly Applied[],
  migrations: readonly Migration[],
): readonly Migration[] {
  for (const [index, { id, checksum }] of applied.entries()) {
    const wanted = migrations[index];
    if (wanted === undefined) return [];
    if (wanted.id !== id)
      throw new ChangedHistory(
        `the database's migration ${index + 1} is "${id}", this service's is "${wanted.id}": a migration that was run may be neither moved nor removed`,
      );
    if (checksumOf(wanted.sql) !== checksum)
      throw new ChangedHistory(
        `migration "${id}" is not what it was when the database ran it: put it back, and make the change a migration of its own`,
      );
  }
  return migrations.slice(applied.length);
}

export function checksumOf(sql: string): string {
  return createHash("sha256").update(sql).digest("hex");
}
