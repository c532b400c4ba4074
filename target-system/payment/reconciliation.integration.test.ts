import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { proofOf } from "../service-kit/identity/identity.fixture.ts";
import type { Row } from "../service-kit/database.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import type { TestService } from "../service-kit/service.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";
import { startTestPayment, type TestPayment } from "./payment.fixture.ts";
import { Payments } from "./payments.ts";
import { schema } from "./schema.ts";

const stack = new AsyncDisposableStack();
let test: TestPayment;
let toA: TcpRelay;
let toB: TcpRelay;

beforeAll(async () => {
  test = stack.use(await startTestPayment({ SETTLEMENT_CHECK_SECONDS: "0.3" }));
  ({ toA, toB } = test);
});
beforeEach(() => {
  toA.become({ kind: "pass" });
  toB.become({ kind: "pass" });
});
afterAll(() => stack.disposeAsync());

const isCaptured = (row: string): boolean => row.includes(" captured ");

/** Pays where the answer is lost, and then again, as a caller does who was not told. */
async function payUnheard(orderId: string, at: TestService): Promise<void> {
  await using wire = await startTcpRelay(Number(new URL(at.url).port));
  wire.become({ kind: "swallow-answers" });
  const lost = fetch(`http://127.0.0.1:${wire.port}/payments`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(await proofOf("order", "payment", "user-001")) },
    body: JSON.stringify({ orderId, amountCents: 500 }),
  }).catch(() => "no answer");
  await waitFor("the first payment to be captured", async () => (await test.held(orderId)).some(isCaptured));
  wire.become({ kind: "cut" });
  expect(await lost).toBe("no answer");
  expect(await test.pay(orderId, { at })).toMatchObject({ status: 201 });
}

it("a payment whose answer is lost is taken once when it is asked for again", async () => {
  await payUnheard("heard-once", test.payment);
  expect(await test.held("heard-once")).toEqual(["gateway-a captured 1"]);
});

it("with the idempotency pattern off, it is taken twice", async () => {
  await using forgetful = await test.startAnother({ PATTERNS: "full,-idempotency" });
  await payUnheard("heard-twice", forgetful);
  expect(await test.held("heard-twice")).toEqual(["gateway-a captured 1", "gateway-a captured 1"]);
  const rows = (await test.ledger()).filter(({ orderId }) => orderId === "heard-twice");
  expect(new Set(rows.map(({ reference }) => reference)).size).toBe(2);
  await forgetful.as("order").request("POST", "/payments/heard-twice/refund");
  expect(await test.held("heard-twice")).toEqual(["gateway-a refunded 1", "gateway-a refunded 1"]);
});

it("an authorisation that was given and not heard is looked up, not asked for again", async () => {
  toA.become({ kind: "swallow-answers" });
  toB.become({ kind: "swallow-answers" });
  expect(await test.pay("unheard")).toMatchObject({ status: 202, body: { status: "pending" } });
  expect(await test.held("unheard")).toEqual(["gateway-a authorized 0", "gateway-b authorized 0"]);
  toA.become({ kind: "pass" });
  toB.become({ kind: "pass" });
  await waitFor("the payment to be taken", async () => (await test.pay("unheard")).status === 201);
  const held = ["gateway-a captured 1", "gateway-b voided 0"];
  await waitFor("the other one to be voided", async () =>
    (await test.held("unheard")).includes("gateway-b voided 0"),
  );
  expect(await test.held("unheard")).toEqual(held);
  for (const line of [
    'payment_unknown_outcomes_total{gateway="gateway-a",operation="authorize"',
    'payment_fail_overs_total{from="gateway-a",to="gateway-b",why="timeout"',
    'payment_reconciled_total{gateway="gateway-a",operation="authorize",found="authorized"',
    'payment_compensations_total{gateway="gateway-b",by="void"',
    'payment_payments_total{gateway="gateway-a",outcome="captured"',
  ])
    expect(await test.metric(line), line).toBeGreaterThanOrEqual(1);
});

it("a payment whose process was killed while it was authorised is taken by another one, without being asked for", async () => {
  toA.become({ kind: "swallow-answers" });
  const doomed = await test.startAnother({ PATTERNS: "none" });
  const lost = test.pay("orphan", { at: doomed }).catch(() => "no answer");
  await waitFor("the authorisation", async () => (await test.held("orphan")).length === 1);
  await doomed.stop("SIGKILL");
  expect(await lost).toBe("no answer");
  toA.become({ kind: "pass" });
  await waitFor("the payment to be taken", async () => (await test.held("orphan")).some(isCaptured));
  expect(await test.held("orphan")).toEqual(["gateway-a captured 1"]);
});

it("a refund that was made and not heard is looked up, and the money goes back once", async () => {
  await test.pay("back");
  toA.become({ kind: "swallow-answers", to: "/refund" });
  expect(await test.payment.as("order").request("POST", "/payments/back/refund")).toMatchObject({
    status: 202,
    body: { status: "refunding" },
  });
  toA.become({ kind: "pass" });
  await waitFor("the refund to be known", async () => {
    const { body } = await test.payment.as("order").request("GET", "/payments/back");
    return (body as { status: string }).status === "refunded";
  });
  expect((await test.payment.as("order").request("POST", "/payments/back/refund")).body).toEqual({
    status: "refunded",
  });
  expect(await test.ledger()).toContainEqual(
    expect.objectContaining({ orderId: "back", status: "refunded", refundedCents: 500 }),
  );
});

it("of two runs of one payment one alone chooses its gateway, and none once it is cancelled", async () => {
  const payments = new Payments(
    async <R extends Row>(text: string, values?: readonly unknown[]) =>
      (await test.database.query<R>(text, [...(values ?? [])])).rows,
  );
  const begin = (reference: string): Promise<unknown> =>
    payments.begin({ reference, orderId: reference, amountCents: 500, userId: "user-001" }, "gateway-a");
  await begin("two-runs");
  expect(await begin("two-runs")).toBeUndefined();
  expect(await payments.choose("two-runs", "gateway-b", "b-1", [])).toMatchObject({ gateway: "gateway-b" });
  expect(await payments.choose("two-runs", "gateway-a", "a-1", [])).toBeUndefined();
  expect(await payments.declined("two-runs", "authorizing", "gateway-a", "declined")).toBeUndefined();
  await payments.cancel("two-runs", "two-runs");
  expect(await payments.captured("two-runs")).toBeUndefined();
  await begin("no-run");
  await payments.cancel("no-run", "no-run");
  expect(await payments.choose("no-run", "gateway-a", "a-2", [])).toBeUndefined();
  await test.database.query("delete from authorizations where reference in ('two-runs', 'no-run')");
  await test.database.query("delete from payments where reference in ('two-runs', 'no-run')");
});

it("whatever happens on the way, two replicas that are asked again and again take each payment once", async () => {
  await using other = await test.startAnother({});
  const orders = Array.from({ length: 18 }, (_, index) => `storm-${index}`);
  const modes = [
    { kind: "cut" },
    { kind: "swallow-answers", to: "/capture" },
    { kind: "delay", requestsMs: 800 },
    { kind: "swallow-answers" },
    { kind: "pass" },
  ] as const;
  for (const [index, orderId] of orders.entries()) {
    toA.become(modes[index % 5] ?? modes[0]);
    toB.become(modes[(index * 3 + 1) % 5] ?? modes[0]);
    const asked = [test.payment, other, test.payment].map((at) => test.pay(orderId, { at }));
    await Promise.race(asked);
    if (index % 6 === 5) await test.payment.as("order").request("POST", `/payments/${orderId}/refund`);
  }
  toA.become({ kind: "pass" });
  toB.become({ kind: "pass" });
  const isCancelled = (orderId: string): boolean => Number(orderId.slice(6)) % 6 === 5;
  for (const orderId of orders)
    await waitFor(`${orderId} to be over`, async () => {
      const { status } = await test.pay(orderId, { at: other });
      return status === (isCancelled(orderId) ? 409 : 201);
    });
  await waitFor("nothing to be held that is not needed", async () =>
    (await test.ledger()).every(
      ({ orderId, status }) =>
        !orderId.startsWith("storm-") ||
        (status !== "authorized" && !(isCancelled(orderId) && status === "captured")),
    ),
  );
  for (const orderId of orders) {
    const captured = (await test.held(orderId)).filter(isCaptured);
    expect(captured, orderId).toHaveLength(isCancelled(orderId) ? 0 : 1);
  }
}, 60_000);

const differences = (gateway: string, side: string): Promise<number> =>
  test.metric(`payment_reconciliation_differences{gateway="${gateway}",side="${side}"`);

it("what a gateway settled and nobody here knows of, and the other way round, is a difference, and the rest is none", async () => {
  await test.pay("settled");
  const open = async (sql: string): Promise<number> => (await test.database.query(sql)).rows.length;
  await waitFor("every line of the reports to be explained", async () => {
    const unexplained = await open("select 1 from settlement_lines");
    const unreported = await open(
      `select 1 from payments where status = 'captured' and not capture_settled
                              or status = 'refunded' and not refund_settled`,
    );
    return unexplained === 0 && unreported === 0;
  });
  for (const gateway of ["gateway-a", "gateway-b"])
    expect([await differences(gateway, "unknown-here"), await differences(gateway, "unknown-there")]).toEqual(
      [0, 0],
    );

  const { body } = await test.gateways.a.request("POST", "/authorizations", {
    reference: "not-ours",
    orderId: "not-ours",
    amountCents: 700,
    token: "tok-user-001",
  });
  await test.gateways.a.request("POST", `/authorizations/${(body as { id: string }).id}/capture`);
  await test.database.query(
    `insert into payments (reference, order_id, payment_id, amount_cents, status, gateway, authorization_id)
     values ('not-theirs', 'not-theirs', 'not-theirs', 900, 'captured', 'gateway-b', 'nobody')`,
  );
  await waitFor("both differences", async () => {
    const found = [
      await differences("gateway-a", "unknown-here"),
      await differences("gateway-b", "unknown-there"),
    ];
    return found.join() === "1,1";
  });
  const told = (reference: string): number =>
    test.payment
      .log()
      .split("\n")
      .filter((line) => line.includes(`"reference":"${reference}"`)).length;
  expect([told("not-ours"), told("not-theirs")]).toEqual([1, 1]);
});

it("an older payment-db, that knew payments by their orders alone, is brought up to date", async () => {
  const client = await test.database.connect();
  await client.query(`create schema older; set search_path to older;
    create table payments (order_id text primary key, payment_id text not null unique, amount_cents int not null,
      status text not null check (status in
        ('authorizing', 'capturing', 'captured', 'declined', 'refunding', 'refunded', 'cancelled')),
      gateway text, authorization_id text,
      due_at timestamptz not null default now(), created_at timestamptz not null default now());
    create index payments_unsettled on payments (due_at) where status in ('capturing', 'refunding');
    create table authorizations (order_id text not null references payments, gateway text not null,
      due_at timestamptz not null default now(), attempts int not null default 0, settled_at timestamptz,
      primary key (order_id, gateway));
    insert into payments values ('old', 'p-1', 500, 'authorizing', null, null);
    insert into authorizations values ('old', 'gateway-a')`);
  for (const _ of [1, 2]) await client.query(schema);
  const { rows } = await client.query(
    "select p.reference, p.order_id, a.gateway, a.asks from payments p join authorizations a using (reference)",
  );
  expect(rows).toEqual([{ reference: "old", order_id: "old", gateway: "gateway-a", asks: 1 }]);
  client.release(true);
});
