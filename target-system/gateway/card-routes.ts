import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Callee } from "../service-kit/callee.ts";
import type { CallPath } from "../service-kit/call-path.ts";
import { idParams, pass } from "./pass.ts";

const cardBody = {
  type: "object",
  required: ["number", "expiry", "cvc"],
  additionalProperties: false,
  properties: {
    number: { type: "string", pattern: "^[0-9][0-9 ]{10,22}[0-9]$" },
    expiry: { type: "string", pattern: "^(0[1-9]|1[0-2])/[0-9]{2}$" },
    cvc: { type: "string", pattern: "^[0-9]{3,4}$" },
  },
} as const;

/** It asks the gateways' vaults in turn. */
const newCardDeadlineMs = 5_000;

/** Cards are the payment service's. A number passes through here, and is not kept, logged or traced. */
export function cardRoutes(
  app: FastifyInstance,
  payment: Callee,
  userOf: (request: FastifyRequest) => Promise<string>,
): void {
  const cardsOf = (userId: string): CallPath => ({ path: "/users/:userId/cards", params: { userId } });

  app.get("/api/payment-methods", async (request, reply) => {
    const onBehalfOf = await userOf(request);
    return pass(reply, await payment.call({ method: "GET", path: "/methods", onBehalfOf }));
  });
  app.get("/api/cards", async (request, reply) => {
    const onBehalfOf = await userOf(request);
    return pass(reply, await payment.call({ method: "GET", ...cardsOf(onBehalfOf), onBehalfOf }));
  });
  app.post("/api/cards", { schema: { body: cardBody } }, async (request, reply) => {
    const onBehalfOf = await userOf(request);
    const answer = await payment.call({
      method: "POST",
      ...cardsOf(onBehalfOf),
      onBehalfOf,
      body: request.body,
      isIdempotent: false,
      deadlineMs: newCardDeadlineMs,
    });
    return pass(reply, answer);
  });
  app.delete<{ Params: { id: string } }>(
    "/api/cards/:id",
    { schema: { params: idParams } },
    async (request, reply) => {
      const onBehalfOf = await userOf(request);
      const params = { userId: onBehalfOf, id: request.params.id };
      const card = { path: "/users/:userId/cards/:id", params };
      return pass(reply, await payment.call({ method: "DELETE", ...card, onBehalfOf, isIdempotent: true }));
    },
  );
}
