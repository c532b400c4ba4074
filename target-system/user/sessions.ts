import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { Query } from "../service-kit/database.ts";

/**
 * A session lasts from a log-in to a log-out, or 30 days. Its refresh token is `<session>.<secret>`; each use gives a new
 * secret, and only the newest is good. An older one that comes back is known to two: the session ends for both, and its
 * user logs in again. An access token lives on until it expires by itself.
 */
export interface Refreshed {
  readonly userId: string;
  readonly refreshToken: string;
}

export const sessionSeconds = 30 * 24 * 60 * 60;

/** @returns its first refresh token */
export async function openSession(query: Query, userId: string): Promise<string> {
  const id = randomUUID();
  const secret = newSecret();
  await query(
    `insert into sessions (id, user_id, secret_hash, expires_at) values ($1, $2, $3, now() + $4 * interval '1 second')`,
    [id, userId, hashOf(secret), sessionSeconds],
  );
  return `${id}.${secret}`;
}

/** `unknown`: no session, or one that is over. `reused`: an older token, which has just ended its session. */
export async function refreshSession(
  query: Query,
  refreshToken: string,
): Promise<Refreshed | "unknown" | "reused"> {
  const token = parseToken(refreshToken);
  if (token === undefined) return "unknown";
  const secret = newSecret();
  const [refreshed] = await query<{ readonly userId: string }>(
    `update sessions set secret_hash = $3
     where id = $1 and secret_hash = $2 and ended_at is null and expires_at > now() returning user_id as "userId"`,
    [token.id, hashOf(token.secret), hashOf(secret)],
  );
  if (refreshed) return { userId: refreshed.userId, refreshToken: `${token.id}.${secret}` };
  const ended = await query(
    "update sessions set ended_at = now() where id = $1 and ended_at is null and expires_at > now() returning id",
    [token.id],
  );
  return ended.length > 0 ? "reused" : "unknown";
}

/** Ends a session by any token it ever gave. Safe to repeat. */
export async function endSession(query: Query, refreshToken: string): Promise<void> {
  const token = parseToken(refreshToken);
  if (token !== undefined)
    await query("update sessions set ended_at = now() where id = $1 and ended_at is null", [token.id]);
}

function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** Fast on purpose: 256 random bits cannot be guessed. */
function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const { id, secret } =
    /^(?<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?<secret>[\w-]{43})$/.exec(text)?.groups ?? {};
  return id === undefined || secret === undefined ? undefined : { id, secret };
}
