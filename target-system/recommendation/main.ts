import { Counter } from "prom-client";
import { DatabaseUnavailable } from "../service-kit/database.ts";
import { id } from "../service-kit/id-schema.ts";
import { createInbox } from "../service-kit/inbox.ts";
import { pause } from "../service-kit/pause.ts";
import { startService, type ServiceContext } from "../service-kit/service.ts";
import { markOrder } from "../service-kit/tracing/order-span.ts";
import { learnCategories } from "./categories.ts";
import { LastAnswers } from "./last-answers.ts";
import {
  receive,
  recommend,
  type OrderEvent,
  type Reception,
  type RecommendationQuery,
} from "./recommendations.ts";
import { migrations, seed } from "./schema.ts";

const mostRecommended = 20;

const lastAnswers = new LastAnswers();

/** What else a shopper may like. */
await startService({
  name: "recommendation",
  migrations,
  seed,
  callees: ["catalog"],
  routes(app, { database, idempotency, metrics, log }) {
    const fallbacks = new Counter({
      name: "recommendation_fallbacks_total",
      help: "Answers given from memory, since the database did not answer.",
      registers: [metrics],
    });
    const events = new Counter({
      name: "recommendation_events_received_total",
      help: "Events of orders, by what became of them: learned, unlearned, duplicate or ignored.",
      labelNames: ["reception"] as const,
      registers: [metrics],
    });
    for (const reception of ["learned", "unlearned", "duplicate", "ignored"] satisfies Reception[])
      events.inc({ reception }, 0);
    const inbox = createInbox(database, idempotency);
    app.get<{ Querystring: RecommendationQuery }>(
      "/recommendations",
      {
        config: { callers: ["gateway"] },
        schema: {
          querystring: {
            type: "object",
            additionalProperties: false,
            properties: {
              productId: id,
              category: { type: "array", maxItems: 20, items: id },
              limit: { type: "integer", minimum: 1, maximum: mostRecommended, default: 4 },
            },
          },
        },
      },
      async ({ query: asked, caller }) => {
        const query = caller?.userId === undefined ? asked : { ...asked, userId: caller.userId };
        try {
          const answer = await recommend(database, query);
          lastAnswers.keep(query, answer);
          return answer;
        } catch (error) {
          const last = error instanceof DatabaseUnavailable ? lastAnswers.for(query) : undefined;
          if (last === undefined) throw error;
          log.info({ err: error }, "recommended from memory");
          fallbacks.inc();
          return last;
        }
      },
    );
    app.post<{ Body: OrderEvent }>(
      "/events",
      {
        config: { callers: ["order"] },
        schema: {
          body: {
            type: "object",
            required: ["id", "type"],
            // Other events of an order are none of this service's business, and are not to be refused for ever.
            if: { properties: { type: { enum: ["order.confirmed", "order.cancelled"] } } },
            then: { required: ["orderId", "userId", "items"] },
            properties: {
              id,
              type: { type: "string", maxLength: 200 },
              orderId: id,
              userId: id,
              items: {
                type: "array",
                maxItems: 100,
                items: {
                  type: "object",
                  required: ["productId"],
                  properties: { productId: id, quantity: { type: "integer", minimum: 1, maximum: 1000 } },
                },
              },
            },
          },
        },
      },
      async ({ body }, reply) => {
        markOrder(body);
        events.inc({ reception: await receive(inbox, body) });
        return reply.code(204).send();
      },
    );
  },
  background(service) {
    void keepPopular(service);
    void learnCategories(service.database, service.callee("catalog"), service);
  },
});

const popularEveryMs = 5_000;

/** Keeps at hand what is popular. */
async function keepPopular({ database, log, signal }: ServiceContext): Promise<void> {
  while (!signal.aborted) {
    try {
      lastAnswers.keepPopular((await recommend(database, { limit: mostRecommended })).products);
    } catch (error) {
      log.info({ err: error }, "what was popular last serves on");
    }
    await pause(popularEveryMs, signal);
  }
}
