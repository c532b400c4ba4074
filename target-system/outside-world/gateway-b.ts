import { Ledger, LedgerRefusal, type LedgerRow, type LedgerStatus } from "./ledger.ts";
import { outsideServer, serveOutside } from "./outside-server.ts";

/** Payment gateway B: payments as a resource, another vocabulary; a declined payment is an answer, not an error. */

const ledger = new Ledger("gateway-b");
const server = outsideServer();
const states = {
  authorized: "AUTHORISED",
  captured: "CAPTURED",
  voided: "CANCELLED",
  refunded: "REFUNDED",
} as const satisfies Record<LedgerStatus, string>;

const answer = ({ id, status, reference, amountCents }: LedgerRow): object => ({
  payment_id: id,
  state: states[status],
  merchant_reference: reference,
  amount: { value: amountCents, currency: "EUR" },
});

server.post<{ Body: { merchant_reference: string; amount: { value: number; currency: string } } }>(
  "/v2/payments",
  {
    schema: {
      body: {
        type: "object",
        required: ["merchant_reference", "amount"],
        properties: {
          merchant_reference: { type: "string", minLength: 1 },
          amount: {
            type: "object",
            required: ["value", "currency"],
            properties: { value: { type: "integer", minimum: 1 }, currency: { const: "EUR" } },
          },
        },
      },
    },
  },
  async ({ body }, reply) => {
    try {
      return await reply.code(201).send(answer(ledger.authorize(body.merchant_reference, body.amount.value)));
    } catch (error) {
      if (!(error instanceof LedgerRefusal) || error.code !== "declined") throw error;
      return reply.code(200).send({ state: "REFUSED", refusal_reason: error.message });
    }
  },
);

for (const [path, move] of [
  ["captures", "capture"],
  ["cancellations", "void"],
  ["refunds", "refund"],
] as const)
  server.post<{ Params: { id: string } }>(`/v2/payments/:id/${path}`, async ({ params }, reply) =>
    reply.code(201).send(answer(ledger.move(move, params.id))),
  );

server.get<{ Querystring: { merchant_reference?: string } }>("/v2/payments", async ({ query }) => {
  const row = ledger.find(query.merchant_reference ?? "");
  return { payments: row === undefined ? [] : [answer(row)] };
});

server.get("/ledger", async () => ledger.rows());

await serveOutside(server);
