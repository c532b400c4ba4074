import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { Keyring } from "./keyring.ts";

export const issuer = "shop-user";
export const audience = "shop";

/** Signs an access token (ES256) for a user. @throws {DatabaseUnavailable} when the keys have never been read */
export async function issueToken(keyring: Keyring, userId: string, lifetimeSeconds: number): Promise<string> {
  const { id, privateKey } = await keyring.signing();
  return new SignJWT()
    .setProtectedHeader({ alg: "ES256", kid: id })
    .setSubject(userId)
    .setIssuer(issuer)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${lifetimeSeconds}s`)
    .sign(privateKey);
}
