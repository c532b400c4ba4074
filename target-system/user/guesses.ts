import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { HttpError } from "../service-kit/http-error.ts";
import type { Query } from "../service-kit/database.ts";

/**
 * Holds up those who guess passwords. Wrong ones are counted for the account, whether there is one or not, and for the
 * client's address; after the free tries each wrong one doubles the wait until the next may be tried:
 *
 *   account: 5 free, then 1 s, 2 s, 4 s … 15 min     address: 50 free (people share one), then the same
 *
 * An hour without a wrong one forgets them; the right password forgets the account's, not the address's, or whoever has
 * one account could try all others. Who is held up is not asked for the password, so a guess costs no hashing then.
 */
export interface Suspects {
  readonly account: Suspect;
  readonly all: readonly Suspect[];
}

interface Suspect {
  readonly key: string;
  readonly freeTries: number;
}

const firstWaitSeconds = 1;
const mostWaitSeconds = 15 * 60;
export const forgottenAfterSeconds = 60 * 60;

export function suspectsOf(email: string, clientAddress: string): Suspects {
  const account = { key: keyOf("account", email.toLowerCase()), freeTries: 5 };
  return { account, all: [account, { key: keyOf("address", networkOf(clientAddress)), freeTries: 50 }] };
}

function keyOf(kind: string, text: string): string {
  return `${kind}:${createHash("sha256").update(text).digest("base64url")}`;
}

/** An IPv6 client has 2^64 addresses of its own: what counts is its network. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = new URL(`http://[${address.split("%")[0]}]`).hostname.slice(1, -1).split("::");
  const [left, right] = [head, tail ?? ""].map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = tail === undefined ? 0 : 8 - (left?.length ?? 0) - (right?.length ?? 0);
  const groups = [...(left ?? []), ...Array<string>(zeros).fill("0"), ...(right ?? [])];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** @throws {HttpError} 429 while one of them is held up */
export async function checkSuspects(query: Query, suspects: Suspects): Promise<void> {
  await standingOf(query, suspects);
}

async function standingOf(
  query: Query,
  { account, all }: Suspects,
): Promise<{ readonly hasFailures: boolean }> {
  const rows = await query<{ readonly key: string; readonly waitSeconds: number }>(
    `select key, extract(epoch from blocked_until - now())::float8 as "waitSeconds" from guesses where key = any ($1)`,
    [all.map(({ key }) => key)],
  );
  const waitSeconds = Math.max(0, ...rows.map((row) => row.waitSeconds));
  if (waitSeconds > 0) throw tooManyAttempts(waitSeconds);
  return { hasFailures: rows.some(({ key }) => key === account.key) };
}

const nextFailures = `(case when g.failed_at < now() - $3 * interval '1 second' then 1 else g.failures + 1 end)`;

/**
 * Counts a wrong password against them.
 * @throws {HttpError} 429 when one was held up since it was checked, by guesses made at the same time: those learn nothing
 */
export async function countFailure(query: Query, { all }: Suspects): Promise<void> {
  const counted = await query(
    `insert into guesses as g (key, free_tries, failures, failed_at, blocked_until)
     select key, free_tries, 1, now(), now() from unnest($1::text[], $2::int[]) s (key, free_tries) order by key
     on conflict (key) do update set failures = ${nextFailures}, failed_at = now(),
       blocked_until = now() + case when ${nextFailures} < excluded.free_tries then interval '0'
         else least($4::float8, $5 * power(2, least(${nextFailures} - excluded.free_tries, 20))) * interval '1 second' end
     where g.blocked_until <= now() returning key`,
    [
      all.map(({ key }) => key),
      all.map(({ freeTries }) => freeTries),
      forgottenAfterSeconds,
      mostWaitSeconds,
      firstWaitSeconds,
    ],
  );
  if (counted.length < all.length) throw tooManyAttempts(firstWaitSeconds);
}

/**
 * Forgets what was counted against an account whose right password was given.
 * @throws {HttpError} 429 when one was held up since it was checked: of many guesses at once the right one is not told either
 */
export async function forgive(query: Query, suspects: Suspects): Promise<void> {
  if ((await standingOf(query, suspects)).hasFailures)
    await query("delete from guesses where key = $1", [suspects.account.key]);
}

function tooManyAttempts(waitSeconds: number): HttpError {
  return new HttpError(429, "too-many-attempts", "too many wrong passwords; try again later", {
    headers: { "retry-after": String(Math.ceil(waitSeconds)) },
  });
}
