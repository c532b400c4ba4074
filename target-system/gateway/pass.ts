import type { FastifyReply } from "fastify";
import type { CallAnswer } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";

/** Hands a callee's answer on. Its failures are this gateway's to word, and are none of the client's doing. */
export function pass(reply: FastifyReply, { status, body }: CallAnswer): FastifyReply {
  if (status < 500) return status === 204 ? reply.code(204).send() : reply.code(status).send(body ?? null);
  throw status === 503 || status === 504
    ? new HttpError(status, "unavailable", "a part of the shop is not available now")
    : new HttpError(502, "bad-gateway", "a part of the shop failed");
}
