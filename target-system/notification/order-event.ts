import { context, propagation } from "@opentelemetry/api";
import type { FastifyInstance } from "fastify";
import type { Idempotency } from "../service-kit/patterns/idempotency.ts";
import { markOrder } from "../service-kit/tracing/order-span.ts";
import { toldTypes, type Item, type ToldType } from "./message.ts";
import type { Carrier, Messages } from "./messages.ts";

/** A change of an order that users are told of, as the order service delivers it: at least once, and in order. */
export interface OrderEvent {
  readonly id: string;
  readonly type: ToldType;
  /** From 1 within its order. */
  readonly sequence: number;
  readonly orderId: string;
  readonly userId: string;
  readonly totalCents: number | null;
  readonly items: readonly Item[];
  readonly reason: string | null;
}

/** An event of any type, of which the others say what they like. */
type AnyEvent = OrderEvent | { readonly type: string };

/** Becomes part of mails' heads, which have no place for control characters, and of PostgreSQL's text. */
const word = {
  type: "string",
  minLength: 1,
  maxLength: 200,
  pattern: "^[^\\u0000-\\u001f\\u007f]+$",
} as const;

const body = {
  type: "object",
  required: ["type"],
  properties: { type: { type: "string", maxLength: 200 } },
  if: { properties: { type: { enum: toldTypes } } },
  then: {
    required: ["id", "sequence", "orderId", "userId"],
    properties: {
      id: { type: "string", format: "uuid" },
      sequence: { type: "integer", minimum: 1, maximum: 1_000_000 },
      orderId: word,
      userId: word,
      totalCents: { type: ["integer", "null"], minimum: 0, default: null },
      reason: { type: ["string", "null"], maxLength: 200, default: null },
      items: {
        type: "array",
        maxItems: 100,
        default: [],
        items: {
          type: "object",
          required: ["productId", "quantity"],
          properties: { productId: word, quantity: { type: "integer", minimum: 1 } },
        },
      },
    },
  },
};

const operation = "POST /events";

/** Takes in what happened to orders. */
export function eventRoutes(app: FastifyInstance, messages: Messages, idempotency: Idempotency): void {
  app.post<{ Body: AnyEvent }>(
    "/events",
    { config: { callers: ["order"] }, schema: { body } },
    async (request, reply) => {
      const event = request.body;
      if (isTold(event)) {
        markOrder(event);
        const carrier: Carrier = {};
        propagation.inject(context.active(), carrier);
        const isNew = await messages.receive(idempotency.keyOf(event.id), event, carrier);
        if (!isNew) idempotency.suppressed(operation);
      }
      return reply.code(204).send();
    },
  );
}

/** The schema has seen to the rest. */
function isTold(event: AnyEvent): event is OrderEvent {
  return toldTypes.some((type) => type === event.type);
}
