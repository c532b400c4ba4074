import type { FastifyInstance } from "fastify";
import { HttpError } from "../service-kit/http-error.ts";
import { id } from "../service-kit/id-schema.ts";
import { requireUser } from "../service-kit/identity/callers.ts";
import { readCard, type CardFault } from "./card-number.ts";
import type { Cards } from "./cards.ts";

const faults = {
  "card-invalid": "this is not the number of a card; please check its digits",
  "card-expired": "this card has expired",
} as const satisfies Record<CardFault, string>;

interface CardBody {
  readonly number: string;
  readonly expiry: string;
  readonly cvc: string;
}

const config = { callers: ["gateway"] } as const;

/** A user's cards. What is answered, also of what does not fit, never repeats the number. */
export function cardRoutes(app: FastifyInstance, cards: Cards): void {
  const userParams = { type: "object", required: ["userId"], properties: { userId: id } };

  app.post<{ Params: { userId: string }; Body: CardBody }>(
    "/users/:userId/cards",
    {
      config,
      schema: {
        params: userParams,
        body: {
          type: "object",
          required: ["number", "expiry", "cvc"],
          additionalProperties: false,
          properties: {
            number: { type: "string", minLength: 12, maxLength: 30, pattern: "^[0-9 -]+$" },
            expiry: { type: "string", pattern: "^(0[1-9]|1[0-2])/[0-9]{2}$" },
            cvc: { type: "string", pattern: "^[0-9]{3,4}$" },
          },
        },
      },
    },
    async (request, reply) => {
      const { params } = request;
      requireUser(request, params.userId);
      const { number, expiry, cvc } = request.body;
      const card = readCard(number, expiry, new Date());
      if (typeof card === "string") throw new HttpError(422, card, faults[card]);
      return reply.code(201).send(await cards.add(params.userId, card, cvc));
    },
  );

  app.get<{ Params: { userId: string } }>(
    "/users/:userId/cards",
    { config, schema: { params: userParams } },
    async (request) => {
      requireUser(request, request.params.userId);
      return { cards: await cards.of(request.params.userId) };
    },
  );

  app.delete<{ Params: { userId: string; cardId: string } }>(
    "/users/:userId/cards/:cardId",
    {
      config,
      schema: {
        params: {
          type: "object",
          required: ["userId", "cardId"],
          properties: { userId: id, cardId: id },
        },
      },
    },
    async (request, reply) => {
      const { params } = request;
      requireUser(request, params.userId);
      await cards.remove(params.userId, params.cardId);
      return reply.code(204).send();
    },
  );
}
