import type { FastifyRequest } from "fastify";
import { delayAnswers, delaysFromEnvironment } from "./answer-delays.ts";
import { Ledger, type LedgerRow } from "./ledger.ts";
import { outsideServer, serveOutside } from "./outside-server.ts";
import { Refusal } from "./refusal.ts";
import { RequestKeys } from "./request-keys.ts";
import { Vault } from "./vault.ts";

/**
 * Payment gateway A: authorisations as a resource, a declined one an error (402), answers in its own words (`id`,
 * `status`). A request is recognised by its header `Idempotency-Key`, and a repeat is given the first one's answer, word
 * for word, also a refusal, whatever has become of the authorisation since.
 */
const ledger = new Ledger("gateway-a");
const vault = new Vault("tok");
const keys = new RequestKeys<Answer>();
const server = outsideServer();
const answerLate = delayAnswers(server, delaysFromEnvironment("gateway-a", 25));

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const viewOf = ({ id, status, reference, amountCents, refundedCents }: LedgerRow): object => ({
  id,
  status,
  reference,
  amountCents,
  refundedCents,
});

function once({ url, headers, body }: FastifyRequest, status: number, work: () => LedgerRow): Answer {
  const header = headers["idempotency-key"];
  const key = typeof header === "string" ? header : undefined;
  return keys.once(key, { url, body }, () => {
    try {
      return { status, body: viewOf(work()) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: { error: error.code, message: error.message } };
    }
  }).value;
}

const text = { type: "string", minLength: 1, maxLength: 200 } as const;
const cents = { type: "integer", minimum: 1 } as const;

server.post<{ Body: { number: string; expMonth: number; expYear: number; cvc: string } }>(
  "/tokens",
  {
    schema: {
      body: {
        type: "object",
        required: ["number", "expMonth", "expYear", "cvc"],
        properties: {
          number: { type: "string", pattern: "^[0-9]{12,19}$" },
          expMonth: { type: "integer", minimum: 1, maximum: 12 },
          expYear: { type: "integer", minimum: 2000, maximum: 2099 },
          cvc: { type: "string", pattern: "^[0-9]{3,4}$" },
        },
      },
    },
  },
  async ({ body: { number, expMonth, expYear } }, reply) =>
    reply.code(201).send({ token: vault.tokenize(number, `${expYear}-${expMonth}`) }),
);

server.post<{ Body: { reference: string; amountCents: number; token: string; orderId: string } }>(
  "/authorizations",
  {
    schema: {
      body: {
        type: "object",
        required: ["reference", "amountCents", "token", "orderId"],
        properties: { reference: text, amountCents: cents, token: text, orderId: text },
      },
    },
  },
  async (request, reply) => {
    const { token, ...payment } = request.body;
    const card = vault.kindOf(token);
    if (card === "late") answerLate(request);
    const answer = once(request, 201, () => ledger.authorize({ ...payment, card }));
    return reply.code(answer.status).send(answer.body);
  },
);

server.post<{ Params: { id: string } }>("/authorizations/:id/capture", async (request, reply) => {
  const { id } = request.params;
  if (ledger.cardOf(id) === "late") answerLate(request);
  const answer = once(request, 200, () => ledger.capture(id));
  return reply.code(answer.status).send(answer.body);
});

server.post<{ Params: { id: string } }>("/authorizations/:id/void", async (request, reply) => {
  const answer = once(request, 200, () => ledger.void(request.params.id));
  return reply.code(answer.status).send(answer.body);
});

server.post<{ Params: { id: string }; Body: { amountCents: number } }>(
  "/authorizations/:id/refund",
  {
    schema: { body: { type: "object", required: ["amountCents"], properties: { amountCents: cents } } },
  },
  async (request, reply) => {
    const answer = once(request, 200, () => ledger.refund(request.params.id, request.body.amountCents));
    return reply.code(answer.status).send(answer.body);
  },
);

server.get<{ Querystring: { reference: string } }>(
  "/authorizations",
  {
    schema: {
      querystring: { type: "object", required: ["reference"], properties: { reference: text } },
    },
  },
  async ({ query }) => ledger.find(query.reference).map(viewOf),
);

/** The settlement report, from the line after `after` on. */
server.get<{ Querystring: { after?: string; limit: number } }>(
  "/settlements",
  {
    schema: {
      querystring: {
        type: "object",
        properties: {
          after: text,
          limit: { type: "integer", minimum: 1, maximum: 1_000, default: 500 },
        },
      },
    },
  },
  async ({ query }) => ledger.settlements(query.after, query.limit),
);

server.get("/ledger", async () => ledger.rows());

await serveOutside(server);
