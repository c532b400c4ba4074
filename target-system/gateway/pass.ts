import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallAnswer } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";

/** What is passed on is bounded here; what it may say is its service's to know. */
export const anyQuery = { type: "object", additionalProperties: { type: "string", maxLength: 2_000 } };
export const id = { type: "string", minLength: 1, maxLength: 200 } as const;
export const idParams = { type: "object", properties: { id } };

/** The query of a request as it came, with its question mark; empty when there is none. */
export function queryOf({ url }: FastifyRequest): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
}

/** Hands a callee's answer on. Its failures are this gateway's to word, and are none of the client's doing. */
export function pass(reply: FastifyReply, { status, body, retryAfterSeconds }: CallAnswer): FastifyReply {
  const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  if (status < 500)
    return reply
      .code(status)
      .headers(headers)
      .send(status === 204 ? undefined : (body ?? null));
  throw status === 503 || status === 504
    ? new HttpError(status, "unavailable", "a part of the shop is not available now", { headers })
    : new HttpError(502, "bad-gateway", "a part of the shop failed");
}
