import type { FastifyReply } from "fastify";
import type { CallAnswer } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";

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
