import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";

let a: TestService;
let b: TestService;

beforeAll(async () => {
  const env = { ANSWER_MEDIAN_MS: "0" };
  [a, b] = await Promise.all([
    startTestService({ main: "outside-world/gateway-a.ts", env }),
    startTestService({ main: "outside-world/gateway-b.ts", env }),
  ]);
});
afterAll(() => Promise.all([a, b].map((gateway) => gateway[Symbol.asyncDispose]())));

const authorizeAtA = (reference: string, key?: string, more: object = {}) =>
  a.request(
    "POST",
    "/authorizations",
    { reference, orderId: reference, amountCents: 500, token: "tok-user-001", ...more },
    key === undefined ? {} : { "idempotency-key": key },
  );
const moveAtA = (id: string, move: string, key: string, body?: object) =>
  a.request("POST", `/authorizations/${id}/${move}`, body, { "idempotency-key": key });
const authorizeAtB = (reference: string, requestId: string, more: object = {}) =>
  b.request("POST", "/v2/payments", {
    request_id: requestId,
    merchant_reference: reference,
    order_number: reference,
    vault_token: "tok-user-001",
    amount: { value: 500, currency: "EUR" },
    ...more,
  });
const moveAtB = (id: string, move: string, requestId: string, more: object = {}) =>
  b.request("POST", `/v2/payments/${id}/${move}`, { request_id: requestId, ...more });

const idOf = ({ body }: { readonly body: unknown }): string => (body as { id: string }).id;
const paymentIdOf = ({ body }: { readonly body: unknown }): string =>
  (body as { payment_id: string }).payment_id;

it("gateway A gives a repeat the first answer word for word, whatever happened since, and a request without a key is new", async () => {
  const first = await authorizeAtA("a-1", "k-1");
  await moveAtA(idOf(first), "capture", "k-2");
  expect(await authorizeAtA("a-1", "k-1")).toEqual(first);
  expect(first).toMatchObject({ status: 201, body: { status: "authorized" } });
  expect(idOf(await authorizeAtA("a-1"))).not.toBe(idOf(first));
  expect((await authorizeAtA("a-1", "k-1", { amountCents: 501 })).body).toMatchObject({
    error: "key-reused",
  });
});

it("gateway A repeats a refusal, too, and takes money once for one key and refuses another", async () => {
  const id = idOf(await authorizeAtA("a-2", "k-3"));
  const captures = [await moveAtA(id, "capture", "k-4"), await moveAtA(id, "capture", "k-4")];
  expect(captures.map(({ status }) => status)).toEqual([200, 200]);
  expect((await moveAtA(id, "capture", "k-5")).status).toBe(409);
  const tooMuch = { status: 402, body: { error: "declined" } };
  expect(await authorizeAtA("a-3", "k-6", { amountCents: 1_000_001 })).toMatchObject(tooMuch);
  expect(await authorizeAtA("a-3", "k-6", { amountCents: 1_000_001 })).toMatchObject(tooMuch);
});

it("gateway B answers a repeat with the payment as it is by now, and every change needs a request id", async () => {
  const first = await authorizeAtB("b-1", "r-1");
  const id = paymentIdOf(first);
  expect(first).toMatchObject({ status: 201, body: { state: "AUTHORISED" } });
  await moveAtB(id, "captures", "r-2");
  expect(await authorizeAtB("b-1", "r-1")).toMatchObject({
    status: 200,
    body: { payment_id: id, state: "CAPTURED" },
  });
  expect((await moveAtB(id, "captures", "r-2")).status).toBe(200);
  expect((await moveAtB(id, "captures", "r-3")).status).toBe(409);
  expect((await b.request("POST", `/v2/payments/${id}/captures`, {})).status).toBe(400);
  expect((await moveAtB(id, "cancellations", "r-2")).status).toBe(422);
});

it("gateway B refuses in an answer: of a card, and of a capture without funds", async () => {
  const tokenOf = async (pan: string): Promise<object> => {
    const { body } = await b.request("POST", "/v2/tokens", { pan, expires: "2039-12", security_code: "737" });
    return body as { vault_token: string };
  };
  expect(await authorizeAtB("b-2", "r-4", await tokenOf("4000000000000002"))).toEqual({
    status: 201,
    body: { state: "REFUSED", refusal_reason: "DECLINED" },
  });
  const id = paymentIdOf(await authorizeAtB("b-3", "r-5", await tokenOf("4000000000009995")));
  expect(await moveAtB(id, "captures", "r-6")).toMatchObject({
    body: { state: "REFUSED", refusal_reason: "INSUFFICIENT_FUNDS" },
  });
  const { body } = await b.request("GET", "/v2/payments?merchant_reference=b-3");
  expect(body).toMatchObject({ payments: [{ payment_id: id, state: "REFUSED" }] });
});

it("refunds are by amount, and each gateway reports what it settled in its own form, to be read on from there", async () => {
  const [atA, atB] = [idOf(await authorizeAtA("a-4")), paymentIdOf(await authorizeAtB("b-4", "r-7"))];
  await moveAtA(atA, "capture", "k-7");
  await moveAtB(atB, "captures", "r-8");
  const amount = { value: 500, currency: "EUR" };
  expect((await moveAtA(atA, "refund", "k-8", { amountCents: 200 })).body).toMatchObject({
    status: "captured",
    refundedCents: 200,
  });
  expect((await moveAtA(atA, "refund", "k-9", { amountCents: 301 })).status).toBe(409);
  expect((await moveAtB(atB, "refunds", "r-9", { amount })).body).toMatchObject({
    state: "REFUNDED",
    amount_refunded: amount,
  });

  const settled = (await a.request("GET", "/settlements")).body as { id: string; reference: string }[];
  const own = settled.filter(({ reference }) => reference === "a-4");
  expect(own).toMatchObject([
    { kind: "capture", authorizationId: atA, amountCents: 500 },
    { kind: "refund", authorizationId: atA, amountCents: 200 },
  ]);
  const rest = (await a.request("GET", `/settlements?after=${own[0]?.id}`)).body;
  expect(rest).toEqual(own.slice(1));

  const report = (await b.request("GET", "/v2/settlement-report")).body as {
    bookings: { merchant_reference: string; amount: object }[];
    next_cursor: string;
  };
  const bookings = report.bookings.filter((booking) => booking.merchant_reference === "b-4");
  expect(bookings.map((booking) => booking.amount)).toEqual([amount, { ...amount, value: -500 }]);
  expect((await b.request("GET", `/v2/settlement-report?cursor=${report.next_cursor}`)).body).toEqual({
    bookings: [],
    next_cursor: report.next_cursor,
    is_last_page: true,
  });
});

it("a late card's answer comes late, after its deed; a gateway that is told to stop does not wait for it", async () => {
  await using gateway = await startTestService({
    main: "outside-world/gateway-a.ts",
    env: { LATE_ANSWER_MS: "600000" },
  });
  const card = { number: "4000000000000341", expMonth: 12, expYear: 2039, cvc: "737" };
  const { token } = (await gateway.request("POST", "/tokens", card)).body as { token: string };
  let isAnswered = false;
  const late = { reference: "late", orderId: "late", amountCents: 500, token };
  const answer = gateway.request("POST", "/authorizations", late).then(({ status }) => {
    isAnswered = true;
    return status;
  });
  await waitFor("the deed", async () => {
    const { body } = await gateway.request("GET", "/authorizations?reference=late");
    return (body as readonly { status: string }[])[0]?.status === "authorized";
  });
  expect(isAnswered).toBe(false);
  expect(await gateway.stop()).toBe(0);
  expect(await answer).toBe(201);
});
