import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from "jose";
import type { Logger } from "pino";
import { z } from "zod";
import type { Callee } from "../service-kit/callee.ts";
import type { Database } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";
import { withoutDeadline } from "../service-kit/patterns/deadline.ts";

/** Who a request is from. */
export interface Sessions {
  /** @throws {HttpError} 401 when the token is missing, expired, of another audience, or not signed by the user service */
  userOf(authorization: string | undefined): Promise<string>;
  /** Gets the keys before the first token comes. Never rejects. */
  prepare(): Promise<void>;
}

export const schema = `
-- The public keys as last fetched (one row): a gateway that starts while the user service is away verifies tokens with them.
create table if not exists verification_keys (
  id boolean primary key default true check (id), jwks jsonb not null, fetched_at timestamptz not null default now()
);
`;

const refreshEveryMs = 60_000;
/** A token of a key that is not known may be of a new one; a forged one must not make the user service busy. */
const askAgainAfterMs = 2_000;
const clockToleranceSeconds = 5;

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })).min(1) });

/**
 * Verifies access tokens with the user service's public keys. They are fetched seldom, served while they are fetched again,
 * and kept however long the user service is away: in memory, and in the database for the next gateway.
 */
export function createSessions(user: Callee, database: Database, log: Logger): Sessions {
  let keys: { readonly verify: ReturnType<typeof createLocalJWKSet>; readonly ids: string } | undefined;
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let askedForUnknownAtMs = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  const use = (jwks: JSONWebKeySet): boolean => {
    const ids = jwks.keys.map(({ kid }) => kid).join();
    const isNew = keys?.ids !== ids;
    keys = { verify: createLocalJWKSet(jwks), ids };
    return isNew;
  };
  const fetchKeys = async (): Promise<void> => {
    fetchedAtMs = performance.now(); // also when it fails: the next request need not try again at once
    const { status, body } = await user.call({ method: "GET", path: "/.well-known/jwks.json" });
    if (status !== 200) throw new HttpError(503, "user-unavailable", "tokens cannot be verified now");
    const jwks = jwksSchema.parse(body);
    if (use(jwks))
      keep(database, jwks).catch((error: unknown) => log.warn({ err: error }, "verification keys not kept"));
  };
  const refresh = (): Promise<void> => {
    // One request starts what many wait for: it does not end with that one.
    fetching ??= withoutDeadline(fetchKeys)
      .catch((error: unknown) => {
        log.warn({ err: error }, "verification keys could not be fetched");
        throw error;
      })
      .finally(() => (fetching = undefined));
    return fetching;
  };
  const useKept = async (away: unknown): Promise<void> => {
    const kept = await recall(database).catch((error: unknown) => {
      log.warn({ err: error }, "verification keys kept could not be read");
      return undefined;
    });
    if (kept === undefined) throw away;
    use(kept);
  };
  const verified = async (token: string): Promise<JWTPayload> => {
    if (keys === undefined) await refresh().catch(useKept);
    else if (performance.now() - fetchedAtMs > refreshEveryMs) refresh().catch(() => undefined); // those at hand serve
    try {
      return await verify(token);
    } catch (error) {
      const mayBeNew = error instanceof errors.JWKSNoMatchingKey;
      if (!mayBeNew || performance.now() - askedForUnknownAtMs < askAgainAfterMs) throw error;
      askedForUnknownAtMs = performance.now();
      await refresh().catch(() => undefined); // logged; without news the token stays unknown
      return verify(token);
    }
  };
  const verify = async (token: string): Promise<JWTPayload> => {
    if (keys === undefined) throw new HttpError(503, "user-unavailable", "tokens cannot be verified now");
    const { payload } = await jwtVerify(token, keys.verify, {
      issuer: "shop-user",
      audience: "shop",
      algorithms: ["ES256"],
      clockTolerance: clockToleranceSeconds,
    });
    return payload;
  };
  return {
    prepare: () => refresh().catch(() => undefined),
    async userOf(authorization) {
      const token = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
      if (token === undefined) throw new HttpError(401, "not-logged-in", "log in first");
      const { sub } = await verified(token).catch((error: unknown) => {
        if (!(error instanceof errors.JOSEError)) throw error;
        throw new HttpError(401, "not-logged-in", "log in again", { cause: error });
      });
      if (sub === undefined) throw new HttpError(401, "not-logged-in", "log in again");
      return sub;
    },
  };
}

async function keep({ query }: Database, jwks: JSONWebKeySet): Promise<void> {
  await query(
    `insert into verification_keys (jwks) values ($1)
     on conflict (id) do update set jwks = excluded.jwks, fetched_at = now()`,
    [JSON.stringify(jwks)],
  );
}

/** The keys that this gateway, or one before it, fetched last; undefined when there are none. */
async function recall({ query }: Database): Promise<JSONWebKeySet | undefined> {
  const [kept] = await query<{ readonly jwks: JSONWebKeySet }>("select jwks from verification_keys");
  return kept?.jwks;
}
