import { createHash } from "node:crypto";
import type { Query } from "../service-kit/database.ts";
import type { Migration } from "../service-kit/migrations.ts";
import { hashPassword } from "./password.ts";

export const migrations: readonly Migration[] = [
  {
    id: "001-user",
    sql: `
create table if not exists users (
  id text primary key,
  email text not null unique,
  password_hash text not null,
  name text not null,
  phone text,
  created_at timestamptz not null default now()
);
-- Null until the user chooses: all there are.
alter table users add column if not exists channels text[];
alter table users add column if not exists favourite_categories text[] not null default '{}';
alter table users add column if not exists addresses jsonb not null default '[]';

-- The keys that sign access tokens; kept here so that tokens outlive a restart and replicas sign with the same ones.
create table if not exists signing_keys (id text primary key, private_jwk jsonb not null, created_at timestamptz not null default now());
alter table signing_keys add column if not exists signs_from timestamptz not null default now();
-- Null until there is a next key.
alter table signing_keys add column if not exists retires_at timestamptz;

-- One a log-in; a refresh token is its id and a secret, of which only the newest is good.
create table if not exists sessions (
  id uuid primary key,
  user_id text not null references users,
  secret_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index if not exists sessions_by_expiry on sessions (expires_at);

-- Wrong passwords, by account and by client address; keys are hashed, since people type passwords into the wrong field.
create table if not exists guesses (
  key text primary key,
  free_tries int not null,
  failures int not null,
  failed_at timestamptz not null,
  blocked_until timestamptz not null
);
create index if not exists guesses_by_age on guesses (failed_at);
`,
  },
];

const userCount = 50;
/** Fifty hashes at start-up must not cost a tenth of a second; the cost stands in each hash, and a new password gets the full one. */
const seedCost = 2 ** 7;

/** `user-001@shop.example` with `password-001`, and so on; every second one has a phone. */
export async function seed(query: Query, seedText: string): Promise<void> {
  const users = await Promise.all(
    Array.from({ length: userCount }, async (_, index) => {
      const number = String(index + 1).padStart(3, "0");
      const salt = createHash("sha256").update(`${seedText}/${number}`).digest().subarray(0, 16);
      return {
        id: `user-${number}`,
        email: `user-${number}@shop.example`,
        hash: await hashPassword(`password-${number}`, { salt, N: seedCost }),
        name: `Shopper ${number}`,
        phone: index % 2 === 1 ? `+49 000 0000${number}` : null,
      };
    }),
  );
  await query(
    `insert into users (id, email, password_hash, name, phone)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) on conflict do nothing`,
    [
      users.map(({ id }) => id),
      users.map(({ email }) => email),
      users.map(({ hash }) => hash),
      users.map(({ name }) => name),
      users.map(({ phone }) => phone),
    ],
  );
}
