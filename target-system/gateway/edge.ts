import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Counter, type Registry } from "prom-client";
import { z } from "zod";
import { HttpError } from "../service-kit/http-error.ts";

/** What one client may ask for, in requests a second. */
export interface RateLimits {
  /** From one address: many people may share it. */
  readonly address: number;
  /** With one user's tokens, from whatever address. */
  readonly user: number;
}

/** For a client that runs wild, not for shoppers, nor for a load that comes from one machine. */
const rate = (perSecond: number) => z.coerce.number().int().positive().default(perSecond);

/** @throws {Error} when `RATE_LIMIT` or `USER_RATE_LIMIT` is no whole number above 0 */
export function readRateLimits(env: NodeJS.ProcessEnv): RateLimits {
  const { RATE_LIMIT: address, USER_RATE_LIMIT: user } = z
    .object({ RATE_LIMIT: rate(5_000), USER_RATE_LIMIT: rate(200) })
    .parse(env);
  return { address, user };
}

const mostClientsRemembered = 20_000;

/**
 * Refuses with 429 and `Retry-After` what a client asks beyond its rate: counted by user where a request has a good token,
 * else by address. A token that is not good counts for its address, so that making up tokens gains nothing. Each gateway
 * counts for itself.
 */
export async function limitRates(
  app: FastifyInstance,
  limits: RateLimits,
  userOf: (request: FastifyRequest) => Promise<string>,
  metrics: Registry,
): Promise<void> {
  const limited = new Counter({
    name: "gateway_rate_limited_total",
    help: "Requests refused, since their client asked too often.",
    labelNames: ["by"] as const,
    registers: [metrics],
  });
  for (const by of ["address", "user"]) limited.inc({ by }, 0);
  const kindOf = (key: string): keyof RateLimits => (key.startsWith("user ") ? "user" : "address");
  await app.register(rateLimit, {
    timeWindow: 1_000,
    cache: mostClientsRemembered,
    async keyGenerator(request) {
      const ofAddress = `address ${rateLimit.normalizeIP(request.ip)}`;
      if (request.headers.authorization === undefined) return ofAddress;
      return userOf(request).then(
        (userId) => `user ${userId}`,
        () => ofAddress, // whether that is an error is for the route to say
      );
    },
    max: (_request, key) => limits[kindOf(key)],
    onExceeded: (_request, key) => limited.inc({ by: kindOf(key) }),
    errorResponseBuilder: () =>
      new HttpError(429, "too-many-requests", "too many requests; come again in a moment"),
  });
}

/** Nothing of the API is to be kept, framed, or taken for a page. */
const apiHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Gives every answer the headers that keep a browser from misusing it; a route's own win. */
export function secureAnswers(app: FastifyInstance): void {
  app.addHook("onSend", (_request, reply, payload, done) => {
    for (const [name, value] of Object.entries(apiHeaders))
      if (!reply.hasHeader(name)) void reply.header(name, value);
    done(null, payload);
  });
}
