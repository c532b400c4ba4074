import { Ledger, type LedgerMove, type LedgerRow } from "./ledger.ts";
import { outsideServer, serveOutside } from "./outside-server.ts";

/** Payment gateway A: authorisations as a resource, answers in its own words (`id`, `status`). */

const ledger = new Ledger("gateway-a");
const server = outsideServer();
const answer = ({ id, status, reference, amountCents }: LedgerRow): object => ({
  id,
  status,
  reference,
  amountCents,
});

server.post<{ Body: { reference: string; amountCents: number } }>(
  "/authorizations",
  {
    schema: {
      body: {
        type: "object",
        required: ["reference", "amountCents"],
        properties: {
          reference: { type: "string", minLength: 1 },
          amountCents: { type: "integer", minimum: 1 },
        },
      },
    },
  },
  async ({ body }, reply) => reply.code(201).send(answer(ledger.authorize(body.reference, body.amountCents))),
);

for (const move of ["capture", "void", "refund"] as const satisfies LedgerMove[])
  server.post<{ Params: { id: string } }>(`/authorizations/:id/${move}`, async ({ params }) =>
    answer(ledger.move(move, params.id)),
  );

server.get<{ Querystring: { reference?: string } }>("/authorizations", async ({ query }) => {
  const row = ledger.find(query.reference ?? "");
  return row === undefined ? [] : [answer(row)];
});

server.get("/ledger", async () => ledger.rows());

await serveOutside(server);
