import { randomUUID } from "node:crypto";
import type { Database, Query } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";
import { checkSuspects, countFailure, forgive, suspectsOf } from "./guesses.ts";
import { isPassword } from "./password.ts";

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** What a user tells of themselves. */
export interface Registration extends Credentials {
  readonly name: string;
  readonly phone?: string;
}

/** @returns the new user's id @throws {HttpError} 409 email-taken */
export async function register(
  query: Query,
  { email, name, phone, passwordHash }: Omit<Registration, "password"> & { readonly passwordHash: string },
): Promise<string> {
  const created = await query<{ readonly id: string }>(
    `insert into users (id, email, password_hash, name, phone) values ($1, lower($2), $3, $4, $5)
     on conflict (email) do nothing returning id`,
    [randomUUID(), email, passwordHash, name, phone ?? null],
  );
  if (!created[0]) throw new HttpError(409, "email-taken", "this e-mail address has an account already");
  return created[0].id;
}

/**
 * Who these credentials are of. No connection is held while the password is hashed.
 * @throws {HttpError} 401 wrong-credentials, the same for an address without an account; 429 too-many-attempts; 503 busy
 */
export async function authenticate(
  { query }: Database,
  { email, password }: Credentials,
  clientAddress: string,
): Promise<string> {
  const suspects = suspectsOf(email, clientAddress);
  await checkSuspects(query, suspects);
  const [user] = await query<{ readonly id: string; readonly hash: string }>(
    `select id, password_hash as hash from users where email = lower($1)`,
    [email],
  );
  const isRight = await isPassword(password, user?.hash);
  if (user === undefined || !isRight) {
    await countFailure(query, suspects);
    throw new HttpError(401, "wrong-credentials", "e-mail address or password is wrong");
  }
  await forgive(query, suspects);
  return user.id;
}
