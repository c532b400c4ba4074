import { randomUUID } from "node:crypto";
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Database } from "../service-kit/database.ts";

export const tokenLifetimeSeconds = 15 * 60;
export const issuer = "shop-user";
export const audience = "shop";

/** Signs access tokens (ES256) with the key kept in the database, which is made on first use. */
export interface Tokens {
  issue(userId: string): Promise<string>;
  /** What verifies them: public keys only. */
  readonly jwks: { readonly keys: readonly JWK[] };
}

export async function openTokens({ transaction }: Pick<Database, "transaction">): Promise<Tokens> {
  const jwk = await transaction(async (query): Promise<JWK> => {
    await query("lock table signing_keys in exclusive mode");
    const [stored] = await query<{ readonly jwk: JWK }>(
      "select private_jwk as jwk from signing_keys order by created_at desc limit 1",
    );
    if (stored) return stored.jwk;
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const created = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(created);
    const withId: JWK = { ...created, kid, alg: "ES256", use: "sig" };
    await query("insert into signing_keys (id, private_jwk) values ($1, $2)", [kid, JSON.stringify(withId)]);
    return withId;
  });
  const key = await importJWK(jwk, "ES256");
  const { d: _private, ...publicJwk } = jwk;
  return {
    jwks: { keys: [publicJwk] },
    issue: (userId) =>
      new SignJWT()
        .setProtectedHeader({ alg: "ES256", ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
        .setSubject(userId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(`${tokenLifetimeSeconds}s`)
        .sign(key),
  };
}
