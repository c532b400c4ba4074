import { createHash } from "node:crypto";
import type { Query } from "../service-kit/database.ts";
import { hashPassword } from "./password.ts";

export const migrations = `
create table if not exists users (
  id text primary key,
  email text not null unique,
  password_hash text not null,
  name text not null,
  phone text,
  created_at timestamptz not null default now()
);
-- The key that signs access tokens; kept here so that tokens outlive a restart.
create table if not exists signing_keys (id text primary key, private_jwk jsonb not null, created_at timestamptz not null default now());
`;

const userCount = 50;
/** Fifty hashes at start-up must not cost a second; the cost stands in each hash, and a new password gets the full one. */
const seedCost = 2 ** 10;

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
