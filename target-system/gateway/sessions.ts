import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import type { Callee } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";
import { withoutDeadline } from "../service-kit/patterns/deadline.ts";

/** Who a request is from. */
export interface Sessions {
  /** @throws {HttpError} 401 when the token is missing, expired, of another audience, or not signed by the user service */
  userOf(authorization: string | undefined): Promise<string>;
}

const refreshEveryMs = 60_000;
const clockToleranceSeconds = 5;

/** Verifies access tokens with the user service's public keys, which are fetched seldom and kept when it is away. */
export function createSessions(user: Callee): Sessions {
  let keys: { readonly verify: ReturnType<typeof createLocalJWKSet>; readonly atMs: number } | undefined;
  let fetching: Promise<void> | undefined;

  const fetchKeys = async (): Promise<void> => {
    const { status, body } = await user.call({ method: "GET", path: "/.well-known/jwks.json" });
    if (status !== 200) throw new HttpError(503, "user-unavailable", "tokens cannot be verified now");
    keys = { verify: createLocalJWKSet(body as JSONWebKeySet), atMs: performance.now() };
  };
  const currentKeys = async () => {
    if (!keys || performance.now() - keys.atMs > refreshEveryMs) {
      fetching ??= withoutDeadline(fetchKeys).finally(() => (fetching = undefined));
      if (keys)
        fetching.catch(() => undefined); // the keys at hand serve meanwhile; the next request tries again
      else await fetching;
    }
    return keys as NonNullable<typeof keys>;
  };
  return {
    async userOf(authorization) {
      const token = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
      if (token === undefined) throw new HttpError(401, "not-logged-in", "log in first");
      const { verify } = await currentKeys();
      try {
        const { payload } = await jwtVerify(token, verify, {
          issuer: "shop-user",
          audience: "shop",
          algorithms: ["ES256"],
          clockTolerance: clockToleranceSeconds,
        });
        if (payload.sub !== undefined) return payload.sub;
      } catch (error) {
        throw new HttpError(401, "not-logged-in", "log in again", { cause: error });
      }
      throw new HttpError(401, "not-logged-in", "log in again");
    },
  };
}
