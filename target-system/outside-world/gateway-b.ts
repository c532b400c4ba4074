import { delayAnswers, delaysFromEnvironment } from "./answer-delays.ts";
import { Ledger, type LedgerRow, type LedgerStatus, type Settlement } from "./ledger.ts";
import { outsideServer, serveOutside } from "./outside-server.ts";
import { Refusal } from "./refusal.ts";
import { RequestKeys } from "./request-keys.ts";
import { Vault } from "./vault.ts";

/**
 * Payment gateway B: payments as a resource, another vocabulary; a declined payment is an answer of state REFUSED, not an
 * error. Every request that changes something carries a `request_id` in its body, and a repeat is answered with 200 and
 * the payment as it is by now.
 */
const ledger = new Ledger("gateway-b");
const vault = new Vault("vlt");
/** What to answer to a request of this id now. */
const requests = new RequestKeys<() => object>();
const server = outsideServer();
const answerLate = delayAnswers(server, delaysFromEnvironment("gateway-b", 35));

const states = {
  authorized: "AUTHORISED",
  captured: "CAPTURED",
  declined: "REFUSED",
  voided: "CANCELLED",
  refunded: "REFUNDED",
} as const satisfies Record<LedgerStatus, string>;

const euros = (value: number): object => ({ value, currency: "EUR" });

const viewOf = ({ id, status, reference, amountCents, refundedCents }: LedgerRow): object => ({
  payment_id: id,
  state: states[status],
  merchant_reference: reference,
  amount: euros(amountCents),
  amount_refunded: euros(refundedCents),
  ...(status === "declined" && { refusal_reason: "INSUFFICIENT_FUNDS" }),
});

/** The answer to a request, and the status that tells a repeat from what was done now. */
function once(
  requestId: string,
  content: unknown,
  work: () => LedgerRow,
): { readonly status: number; readonly body: object } {
  const { value, isRepeat } = requests.once(requestId, content, () => answerOf(work));
  return { status: isRepeat ? 200 : 201, body: value() };
}

function answerOf(work: () => LedgerRow): () => object {
  try {
    const { id } = work();
    return () => viewOf(ledger.row(id));
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 402) throw error;
    const body = { state: "REFUSED", refusal_reason: error.code.replace("-", "_").toUpperCase() };
    return () => body;
  }
}

const text = { type: "string", minLength: 1, maxLength: 200 } as const;
const amount = {
  type: "object",
  required: ["value", "currency"],
  properties: { value: { type: "integer", minimum: 1 }, currency: { const: "EUR" } },
} as const;
const onlyRequestId = { type: "object", required: ["request_id"], properties: { request_id: text } } as const;

server.post<{ Body: { pan: string; expires: string; security_code: string } }>(
  "/v2/tokens",
  {
    schema: {
      body: {
        type: "object",
        required: ["pan", "expires", "security_code"],
        properties: {
          pan: { type: "string", pattern: "^[0-9]{12,19}$" },
          expires: { type: "string", pattern: "^20[0-9]{2}-[01][0-9]$" },
          security_code: { type: "string", pattern: "^[0-9]{3,4}$" },
        },
      },
    },
  },
  async ({ body: { pan, expires } }, reply) =>
    reply.code(201).send({ vault_token: vault.tokenize(pan, expires) }),
);

interface PaymentBody {
  readonly request_id: string;
  readonly merchant_reference: string;
  readonly order_number: string;
  readonly vault_token: string;
  readonly amount: { readonly value: number };
}

server.post<{ Body: PaymentBody }>(
  "/v2/payments",
  {
    schema: {
      body: {
        type: "object",
        required: ["request_id", "merchant_reference", "order_number", "vault_token", "amount"],
        properties: {
          request_id: text,
          merchant_reference: text,
          order_number: text,
          vault_token: text,
          amount,
        },
      },
    },
  },
  async (request, reply) => {
    const { request_id: requestId, ...content } = request.body;
    const card = vault.kindOf(content.vault_token);
    if (card === "late") answerLate(request);
    const { status, body } = once(requestId, content, () =>
      ledger.authorize({
        reference: content.merchant_reference,
        orderId: content.order_number,
        amountCents: content.amount.value,
        card,
      }),
    );
    return reply.code(status).send(body);
  },
);

for (const [path, move] of [
  ["captures", "capture"],
  ["cancellations", "void"],
] as const)
  server.post<{ Params: { id: string }; Body: { request_id: string } }>(
    `/v2/payments/:id/${path}`,
    { schema: { body: onlyRequestId } },
    async (request, reply) => {
      const { id } = request.params;
      if (move === "capture" && ledger.cardOf(id) === "late") answerLate(request);
      const { status, body } = once(request.body.request_id, { id, path }, () => ledger[move](id));
      return reply.code(status).send(body);
    },
  );

server.post<{ Params: { id: string }; Body: { request_id: string; amount: { value: number } } }>(
  "/v2/payments/:id/refunds",
  {
    schema: {
      body: { type: "object", required: ["request_id", "amount"], properties: { request_id: text, amount } },
    },
  },
  async ({ params: { id }, body: { request_id: requestId, amount: given } }, reply) => {
    const content = { id, path: "refunds", value: given.value };
    const { status, body } = once(requestId, content, () => ledger.refund(id, given.value));
    return reply.code(status).send(body);
  },
);

server.get<{ Querystring: { merchant_reference: string } }>(
  "/v2/payments",
  {
    schema: {
      querystring: {
        type: "object",
        required: ["merchant_reference"],
        properties: { merchant_reference: text },
      },
    },
  },
  async ({ query }) => ({ payments: ledger.find(query.merchant_reference).map(viewOf) }),
);

const pageSize = 500;

/** A refund is an amount below zero here. */
const bookingOf = ({ id, kind, authorizationId, reference, amountCents, at }: Settlement): object => ({
  booking_id: id,
  payment_id: authorizationId,
  merchant_reference: reference,
  amount: euros(kind === "capture" ? amountCents : -amountCents),
  booked_at: at,
});

/** The settlement report, by pages; `next_cursor` is where to go on reading, now or another day. */
server.get<{ Querystring: { cursor?: string } }>(
  "/v2/settlement-report",
  { schema: { querystring: { type: "object", properties: { cursor: text } } } },
  async ({ query: { cursor } }) => {
    const lines = ledger.settlements(cursor, pageSize);
    return {
      bookings: lines.map(bookingOf),
      next_cursor: lines.at(-1)?.id ?? cursor ?? null,
      is_last_page: lines.length < pageSize,
    };
  },
);

server.get("/ledger", async () => ledger.rows());

await serveOutside(server);
