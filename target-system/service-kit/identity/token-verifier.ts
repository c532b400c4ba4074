import { decodeJwt, errors, jwtVerify } from "jose";
import { CallerKeyFolder, type CallerKeys } from "./caller-keys.ts";
import {
  clockToleranceSeconds,
  isServiceName,
  tokenAlgorithm,
  tokenSeconds,
  tokenType,
} from "./service-token.ts";

/** Who makes a call, as proved by their token. */
export interface Caller {
  readonly name: string;
  /** On whose behalf. */
  readonly userId: string | undefined;
}

export type RefusalReason =
  "malformed" | "unknown-caller" | "unknown-key" | "wrong-signature" | "expired" | "wrong-claims";

/** The token proves nothing. Says why for logs and metrics, never what was in it. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(`a service token was refused: ${reason}`);
    this.reason = reason;
  }
}

interface Verified {
  readonly caller: Caller;
  readonly keys: CallerKeys;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

const keptAtMost = 4_096;
const longestTokenBytes = 2_000;
const longestUserId = 200;

/** Tells whom a call is from, by the token that comes with it. */
export class TokenVerifier {
  readonly #service: string;
  readonly #callers: CallerKeyFolder;
  /** By token: to verify one takes 110 us, and it comes with many calls. */
  readonly #verified = new Map<string, Verified>();

  /** @param service the callee's own name, for which a token must be made out */
  constructor(identityDir: string, service: string) {
    this.#service = service;
    this.#callers = new CallerKeyFolder(identityDir);
  }

  /** The caller, where that is known without waiting for anything. */
  known(token: string): Caller | undefined {
    const name = this.#verified.get(token)?.caller.name;
    const keys = name === undefined ? undefined : this.#callers.atHand(name);
    return keys === undefined ? undefined : this.#verifiedWith(keys, token);
  }

  /**
   * @throws {TokenRefused}
   * @throws {Error} when the keys cannot be read
   */
  async verify(token: string): Promise<Caller> {
    const name = issuerOf(token);
    const atHand = this.#callers.atHand(name);
    const keys = atHand ?? (await this.#callers.look(name));
    if (keys === undefined) throw new TokenRefused("unknown-caller");
    try {
      return await this.#verifyWith(keys, token, name);
    } catch (error) {
      if (!(error instanceof TokenRefused) || error.reason !== "unknown-key") throw error;
      const now = await this.#callers.look(name); // it may be of a new key
      if (now === undefined || now === keys) throw error;
      return this.#verifyWith(now, token, name);
    }
  }

  /** The caller, where the token was verified with these very keys and has not ended. */
  #verifiedWith(keys: CallerKeys, token: string): Caller | undefined {
    const verified = this.#verified.get(token);
    return verified?.keys === keys && Date.now() < verified.untilMs ? verified.caller : undefined;
  }

  async #verifyWith(keys: CallerKeys, token: string, name: string): Promise<Caller> {
    const verified = this.#verifiedWith(keys, token);
    if (verified !== undefined) return verified;
    const { payload } = await jwtVerify(token, keys, {
      issuer: name,
      audience: this.#service,
      algorithms: [tokenAlgorithm],
      typ: tokenType,
      clockTolerance: clockToleranceSeconds,
      // How long a token is good is not for its maker to say.
      maxTokenAge: tokenSeconds,
      requiredClaims: ["exp", "jti"],
    }).catch((error: unknown) => {
      throw refusalOf(error);
    });
    const { sub: userId, exp = 0, iat = 0 } = payload;
    if (userId !== undefined && !(userId.length > 0 && userId.length <= longestUserId))
      throw new TokenRefused("wrong-claims");
    const caller = { name, userId };
    const untilMs = (Math.min(exp, iat + tokenSeconds) + clockToleranceSeconds) * 1_000;
    this.#keep(token, { caller, keys, untilMs });
    return caller;
  }

  #keep(token: string, verified: Verified): void {
    this.#verified.delete(token); // so that the first in the map is the oldest
    this.#verified.set(token, verified);
    const [oldest] = this.#verified.keys();
    if (this.#verified.size > keptAtMost && oldest !== undefined) this.#verified.delete(oldest);
  }
}

/** Whom a token says it is from: not proved yet, but whose keys are to prove it. @throws {TokenRefused} */
function issuerOf(token: string): string {
  if (token.length > longestTokenBytes) throw new TokenRefused("malformed");
  let issuer: unknown;
  try {
    issuer = decodeJwt(token).iss;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new TokenRefused("malformed");
    throw error;
  }
  if (typeof issuer !== "string") throw new TokenRefused("wrong-claims");
  if (!isServiceName(issuer)) throw new TokenRefused("unknown-caller");
  return issuer;
}

function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new TokenRefused("expired");
  if (error instanceof errors.JWKSNoMatchingKey) return new TokenRefused("unknown-key");
  if (error instanceof errors.JWSSignatureVerificationFailed) return new TokenRefused("wrong-signature");
  if (error instanceof errors.JWTClaimValidationFailed) return new TokenRefused("wrong-claims");
  if (error instanceof errors.JOSEError) return new TokenRefused("malformed");
  return error;
}
