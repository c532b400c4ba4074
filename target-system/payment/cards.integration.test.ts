import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { proofOf } from "../service-kit/identity/identity.fixture.ts";
import { startSpanSink, type SpanSink } from "../service-kit/tracing/spans.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";
import { startTestPayment, type TestPayment } from "./payment.fixture.ts";

const stack = new AsyncDisposableStack();
let test: TestPayment;
let sink: SpanSink;

beforeAll(async () => {
  sink = stack.use(await startSpanSink());
  test = stack.use(
    await startTestPayment({
      LOG_LEVEL: "debug",
      OTEL_SERVICE_NAME: "payment",
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    }),
  );
});
beforeEach(() => {
  test.toA.become({ kind: "pass" });
  test.toB.become({ kind: "pass" });
});
afterAll(() => stack.disposeAsync());

const add = (userId: string, number: string, more: object = {}) =>
  test.payment
    .as("gateway", userId)
    .request("POST", `/users/${userId}/cards`, { number, expiry: "12/39", cvc: "737", ...more });

async function addedTo(userId: string, number: string): Promise<string> {
  const { body } = await add(userId, number);
  return (body as { cardId: string }).cardId;
}

const cardsOf = async (userId: string): Promise<readonly { readonly cardId: string }[]> => {
  const { body } = await test.payment.as("gateway", userId).request("GET", `/users/${userId}/cards`);
  return (body as { cards: readonly { readonly cardId: string }[] }).cards;
};

it("a card is added, listed, charged and removed", async () => {
  const added = await add("ann", "4242 4242 4242 4242");
  expect(added).toMatchObject({
    status: 201,
    body: { cardId: expect.stringMatching(/./) as string, brand: "visa", last4: "4242", expiry: "12/39" },
  });
  expect(await cardsOf("ann")).toEqual([added.body]);
  expect(await test.pay("by-card", { userId: "ann" })).toMatchObject({ status: 201 });
  const { cardId } = added.body as { cardId: string };
  for (const _ of [1, 2])
    expect(
      (await test.payment.as("gateway", "ann").request("DELETE", `/users/ann/cards/${cardId}`)).status,
    ).toBe(204);
  expect(await cardsOf("ann")).toEqual([]);
  expect(await test.pay("without", { userId: "ann" })).toEqual({
    status: 402,
    body: { orderId: "without", status: "declined", reason: "no-card" },
  });
});

it("a declined order stays so when its user adds a card afterwards", async () => {
  expect((await test.pay("too-late", { userId: "bob" })).status).toBe(402);
  await add("bob", "4242424242424242");
  expect(await test.pay("too-late", { userId: "bob" })).toMatchObject({ body: { reason: "no-card" } });
  expect(await test.held("too-late")).toEqual([]);
});

it("the same card added again, also at once, is one card and the newest", async () => {
  const [first, again] = await Promise.all([
    add("carl", "4242424242424242"),
    add("carl", "4242-4242-4242-4242"),
  ]);
  expect(again.body).toEqual(first.body);
  const other = await addedTo("carl", "5555555555554444");
  expect((await cardsOf("carl"))[0]?.cardId).toBe(other);
  await add("carl", "4242424242424242");
  expect((await cardsOf("carl")).map(({ cardId }) => cardId)).toEqual([
    (first.body as { cardId: string }).cardId,
    other,
  ]);
});

it.each([
  ["4242424242424241", {}, 422, "card-invalid"],
  ["4242424242424242", { expiry: "01/20" }, 422, "card-expired"],
  ["4111111111111111", {}, 422, "card-refused"],
  ["4242x42424242424", {}, 400, "invalid-request"],
  ["4242424242424242", { expiry: "13/39" }, 400, "invalid-request"],
  ["4242424242424242", { cvc: "73" }, 400, "invalid-request"],
])(
  "a card that cannot be: %s %o is %i %s, and nothing of it is repeated",
  async (number, more, status, error) => {
    const refused = await add("ivy", number, more);
    expect(refused).toMatchObject({ status, body: { error } });
    expect(JSON.stringify(refused.body)).not.toContain(number.slice(0, 4));
    expect(await cardsOf("ivy")).toEqual([]);
  },
);

it("the newest card is charged unless one is chosen, and nobody is charged by another's card", async () => {
  const good = await addedTo("dora", "4242424242424242");
  const bad = await addedTo("dora", "4000000000000002");
  expect(await test.pay("newest", { userId: "dora" })).toMatchObject({
    status: 402,
    body: { reason: "declined" },
  });
  expect((await test.pay("chosen", { userId: "dora", cardId: good })).status).toBe(201);
  expect(await test.pay("of-another", { userId: "user-001", cardId: bad })).toMatchObject({
    status: 402,
    body: { reason: "no-card" },
  });
  expect(
    (await test.payment.as("gateway", "user-001").request("DELETE", `/users/user-001/cards/${good}`)).status,
  ).toBe(204);
  expect(await cardsOf("dora")).toHaveLength(2);
});

it("each of the first shoppers has a good card from the start", async () => {
  for (const userId of ["user-001", "user-050"]) {
    expect(await cardsOf(userId)).toMatchObject([{ brand: "visa", last4: "4242" }]);
    expect((await test.pay(`of-${userId}`, { userId })).status).toBe(201);
  }
  expect(await cardsOf("user-051")).toEqual([]);
});

it("a card without money behind it is declined at capture, by either gateway, for good", async () => {
  await add("eve", "4000000000009995");
  const declined = { status: 402, body: { status: "declined", reason: "insufficient-funds" } };
  expect(await test.pay("poor", { userId: "eve" })).toMatchObject(declined);
  expect(await test.pay("poor", { userId: "eve" })).toMatchObject(declined);
  expect(await test.held("poor")).toEqual(["gateway-a declined 0"]);
  test.toA.become({ kind: "cut" });
  expect(await test.pay("poor-at-b", { userId: "eve" })).toMatchObject(declined);
  expect(await test.held("poor-at-b")).toEqual(["gateway-b declined 0"]);
});

it("a card whose gateway answers late is pending, then taken once", async () => {
  await add("fay", "4000000000000341");
  expect(await test.pay("late", { userId: "fay" })).toMatchObject({
    status: 202,
    body: { status: "pending" },
  });
  await waitFor(
    "the payment to be taken",
    async () => (await test.pay("late", { userId: "fay" })).status === 201,
  );
  expect((await test.held("late")).filter((row) => row.includes("captured"))).toEqual([
    "gateway-a captured 1",
  ]);
});

it("a card that one vault alone could take is charged there alone; one that none could is not added", async () => {
  test.toA.become({ kind: "cut" });
  await add("gus", "4242424242424242");
  test.toA.become({ kind: "pass" });
  expect(await test.pay("only-b", { userId: "gus" })).toMatchObject({ body: { gateway: "gateway-b" } });
  test.toA.become({ kind: "cut" });
  test.toB.become({ kind: "cut" });
  expect(await add("hal", "4242424242424242")).toMatchObject({
    status: 503,
    body: { error: "gateways-unavailable" },
  });
  expect(await cardsOf("hal")).toEqual([]);
});

it("a card's number and code are in no answer, log, metric, span or row, here and at the gateways", async () => {
  const planted = "5555555555554444";
  const broken = await fetch(`${test.payment.url}/users/kim/cards`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(await proofOf("gateway", "payment", "kim")) },
    body: `{"number": "${planted}", "cvc": "73`,
  });
  expect(broken.status).toBe(400);
  test.toB.become({ kind: "cut" }); // an error to be logged
  await add("kim", planted);
  test.toB.become({ kind: "pass" });
  await add("kim", planted);
  await add("kim", "4111111111111111");
  await test.pay("planted", { userId: "kim" });
  await waitFor("the spans", () => sink.spans.some(({ name }) => name === "POST /users/:userId/cards"));

  const rows: unknown[] = [];
  for (const table of ["payments", "authorizations", "cards", "settlement_lines", "settlement_cursors"])
    rows.push((await test.database.query(`select * from ${table}`)).rows);
  const texts = {
    answer: await broken.text(),
    log: test.payment.log(),
    gatewayLogs: test.gateways.a.log() + test.gateways.b.log(),
    ledgers: JSON.stringify(await test.ledger()),
    settlements: JSON.stringify((await test.gateways.a.request("GET", "/settlements")).body),
    report: JSON.stringify((await test.gateways.b.request("GET", "/v2/settlement-report")).body),
    metrics: await (await fetch(`${test.payment.url}/metrics`)).text(),
    spans: JSON.stringify(sink.spans),
    rows: JSON.stringify(rows),
  };
  expect(texts.log).toContain("a vault did not take a card");
  for (const [where, text] of Object.entries(texts)) {
    expect(text, where).not.toContain(planted);
    expect(text, where).not.toContain("4111111111111111");
    expect(text, where).not.toMatch(/cvc|security_code|\b737\b/);
  }
});
