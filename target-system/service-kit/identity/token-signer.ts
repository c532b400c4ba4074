import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { KeyFolder } from "./key-folder.ts";
import { reusedForSeconds, tokenAlgorithm, tokenSeconds, tokenType } from "./service-token.ts";

const keptAtMost = 4_096;

interface Kept {
  readonly token: string;
  readonly keyId: string;
  readonly untilMs: number;
}

/** Makes the tokens by which a service proves to those that it calls who it is, and for which user it asks. */
export class TokenSigner {
  readonly #service: string;
  readonly #keys: KeyFolder;
  /** By callee and user. A token costs 60 us to make; one that is at hand costs nothing. */
  readonly #kept = new Map<string, Kept>();

  constructor(service: string, keys: KeyFolder) {
    this.#service = service;
    this.#keys = keys;
  }

  /** A token for the callee, good for half of its life at least. */
  async tokenFor(callee: string, userId?: string): Promise<string> {
    const key = `${callee}/${userId ?? ""}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && performance.now() < kept.untilMs && this.#keys.has(kept.keyId))
      return kept.token;
    const untilMs = performance.now() + reusedForSeconds * 1_000;
    const { id: keyId, privateKey } = this.#keys.signing();
    const claims = new SignJWT()
      .setProtectedHeader({ alg: tokenAlgorithm, typ: tokenType, kid: keyId })
      .setIssuer(this.#service)
      .setAudience(callee)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${tokenSeconds}s`);
    const token = await (userId === undefined ? claims : claims.setSubject(userId)).sign(privateKey);
    this.#keep(key, { token, keyId, untilMs });
    return token;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key); // so that the first in the map is the oldest
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptAtMost && oldest !== undefined) this.#kept.delete(oldest);
  }
}
