import { outsideServer, serveOutside } from "./outside-server.ts";

/** An SMS provider: a message is recognised by the sender's reference, so that a repeat reaches no phone twice. */

interface Sms {
  readonly to: string;
  readonly text: string;
  readonly reference: string;
}

const messages = new Map<string, Sms & { readonly deliveries: number }>();
const server = outsideServer();

server.post<{ Body: Sms }>(
  "/messages",
  {
    schema: {
      body: {
        type: "object",
        required: ["to", "text", "reference"],
        properties: {
          to: { type: "string", minLength: 1 },
          text: { type: "string", minLength: 1 },
          reference: { type: "string", minLength: 1 },
        },
      },
    },
  },
  async ({ body: { to, text, reference } }, reply) => {
    const deliveries = (messages.get(reference)?.deliveries ?? 0) + 1;
    messages.set(reference, { to, text, reference, deliveries });
    return reply.code(201).send({ reference });
  },
);

server.get("/messages", async () => [...messages.values()]);

await serveOutside(server);
