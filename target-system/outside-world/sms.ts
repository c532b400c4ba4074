import { outsideServer, serveOutside } from "./outside-server.ts";
import { SmsOutbox, SmsRefusal, type SmsRequest } from "./sms-outbox.ts";

/** An SMS provider: takes messages over HTTP, and shows what it sent. */

const outbox = new SmsOutbox();
const server = outsideServer();
const statuses = { "invalid-number": 422, "key-reused": 409 } as const;

server.post<{ Body: SmsRequest; Headers: { readonly "idempotency-key"?: string } }>(
  "/messages",
  {
    schema: {
      headers: {
        type: "object",
        properties: { "idempotency-key": { type: "string", minLength: 1, maxLength: 200 } },
      },
      body: {
        type: "object",
        required: ["to", "text"],
        properties: {
          to: { type: "string", minLength: 1, maxLength: 40 },
          text: { type: "string", minLength: 1, maxLength: 1_600 },
          reference: { type: "string", minLength: 1, maxLength: 200 },
          tag: { type: "string", minLength: 1, maxLength: 200 },
        },
      },
    },
  },
  async ({ body, headers }, reply) => {
    try {
      const { messageId } = outbox.send(body, headers["idempotency-key"]);
      return await reply.code(201).send({ messageId });
    } catch (error) {
      if (!(error instanceof SmsRefusal)) throw error;
      return reply.code(statuses[error.code]).send({ error: error.code, message: error.message });
    }
  },
);

server.get("/messages", async () => outbox.messages());

await serveOutside(server);
