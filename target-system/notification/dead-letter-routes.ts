import type { FastifyInstance } from "fastify";
import { HttpError } from "../service-kit/http-error.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { channels, type Channel } from "./message.ts";

const pageSize = 50;
/** No service of the shop: whoever holds the key of that name, made as the services' own are. */
const config = { callers: ["operator"] } as const;

/** For whoever runs the shop: what was given up, and another try for it once its cause is mended. */
export function deadLetterRoutes(app: FastifyInstance, deadLetters: DeadLetters): void {
  app.get<{ Querystring: { page: number; channel?: Channel } }>(
    "/dead-letters",
    {
      config,
      schema: {
        querystring: {
          type: "object",
          properties: {
            page: { type: "integer", minimum: 1, maximum: 1_000_000, default: 1 },
            channel: { enum: channels },
          },
        },
      },
    },
    async ({ query: { page, channel } }) => ({
      ...(await deadLetters.page(page, pageSize, channel)),
      page,
    }),
  );

  app.post<{ Params: { id: string } }>(
    "/dead-letters/:id/replay",
    {
      config,
      schema: { params: { type: "object", properties: { id: { type: "string", format: "uuid" } } } },
    },
    async ({ params: { id } }, reply) => {
      const replayed = await deadLetters.replay(id);
      if (replayed === undefined) throw new HttpError(404, "not-found", `there is no dead letter ${id}`);
      return reply.code(202).send({ replayed });
    },
  );

  app.post<{ Body: { channel: Channel } }>(
    "/dead-letters/replay",
    {
      config,
      schema: {
        body: { type: "object", required: ["channel"], properties: { channel: { enum: channels } } },
      },
    },
    async ({ body: { channel } }, reply) =>
      reply.code(202).send({ replayed: await deadLetters.replayAll(channel) }),
  );
}
