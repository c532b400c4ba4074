import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { waitFor } from "../service-kit/wait.fixture.ts";
import { startShop, type Shop } from "./shop.fixture.ts";

interface Told {
  readonly orderId: string;
  readonly status: string;
  readonly totalCents: number | null;
}

/** Seeded with 100,000 in stock. */
const productId = "p-0001";
const userId = "user-002";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
beforeEach(() => {
  for (const edge of Object.values(shop.edges)) edge.become({ kind: "pass" });
});
afterAll(() => shop[Symbol.asyncDispose]());

const checkout = (key: string, items: readonly object[] = [{ productId, quantity: 1 }]) =>
  shop.order().as("gateway", userId).request("POST", "/orders", { items }, { "idempotency-key": key });

const read = (path: string, reader = userId) => shop.order().as("gateway", reader).request("GET", path);

const idOf = ({ body }: { readonly body: unknown }): string => (body as Told).orderId;

async function idByKey(key: string): Promise<string> {
  return waitFor(`an order of key ${key}`, async () => {
    const [row] = await shop.queryOrders<{ id: string }>("select id from orders where idempotency_key = $1", [
      key,
    ]);
    return row?.id;
  });
}

async function waitForStatus(orderId: string, status: string): Promise<void> {
  await waitFor(`order ${orderId} to be ${status}`, async () => {
    const [row] = await shop.queryOrders<Told>("select status from orders where id = $1", [orderId]);
    return row?.status === status;
  });
}

async function reservationOf(orderId: string): Promise<string | undefined> {
  const [row] = await shop.queryCatalog<{ status: string }>(
    "select status from reservations where order_id = $1",
    [orderId],
  );
  return row?.status;
}

async function waitForRelease(orderId: string): Promise<void> {
  await waitFor(
    `the stock of ${orderId} to be back`,
    async () => (await reservationOf(orderId)) === "released",
  );
}

/** Paid once, mailed once, its stock gone for good. */
async function waitForFulfilment(orderId: string): Promise<void> {
  await waitFor(`order ${orderId} to be mailed`, async () => (await shop.mailsOf(orderId)) > 0);
  await waitFor("its stock to be committed", async () => (await reservationOf(orderId)) === "committed");
  expect(await shop.mailsOf(orderId)).toBe(1);
  expect((await shop.held(orderId)).filter((row) => !row.endsWith(" 0"))).toEqual(["captured 1"]);
}

it("a checkout is confirmed, paid once and mailed once; its key gives the same order again", async () => {
  const [placed, meanwhile] = await Promise.all([checkout("happy"), checkout("happy")]);
  await waitForStatus(idOf(placed), "confirmed"); // at once, but for a machine that is too busy
  const again = await checkout("happy");
  expect(again).toMatchObject({ status: 201, body: { status: "confirmed" } });
  expect(new Set([placed, meanwhile, again].map(idOf)).size).toBe(1);
  expect(await (await fetch(`${shop.order().url}/metrics`)).text()).toMatch(
    /^idempotency_duplicates_suppressed_total\{(?=.*operation="POST \/orders").*\} 2$/m,
  );
  const orderId = idOf(again);
  await waitForFulfilment(orderId);

  const { totalCents } = again.body as Told;
  expect((await read(`/orders/${orderId}`)).body).toMatchObject({
    orderId,
    status: "confirmed",
    totalCents,
    history: [{ status: "pending" }, { status: "confirmed" }],
  });
  expect((await read("/orders")).body).toMatchObject({
    orders: [{ orderId, status: "confirmed", totalCents }],
  });
  expect((await read(`/orders/${orderId}`, "user-003")).status).toBe(404);
});

it("what follows a checkout is in traces of its own, linked to the checkout's", async () => {
  const told = await checkout("traced");
  expect(told).toMatchObject({ status: 201, body: { status: "confirmed" } });
  const orderId = idOf(told);
  const [row] = await shop.queryOrders<{ trace_id: string }>("select trace_id from orders where id = $1", [
    orderId,
  ]);
  expect(row?.trace_id).toMatch(/^[0-9a-f]{32}$/);
  await waitFor("a delivery to each subscriber, linked", () => {
    const linked = shop.spans.filter(
      ({ name, links }) =>
        name === "send order.confirmed" && links?.some(({ traceId }) => traceId === row?.trace_id),
    );
    return linked.length === 3 && linked.every(({ traceId }) => traceId !== row?.trace_id);
  });
});

it("an order that cannot be is refused with its reason, and holds nothing", async () => {
  const unknown = await checkout("unknown", [{ productId: "p-none", quantity: 1 }]);
  expect(unknown).toMatchObject({ status: 409, body: { error: "product-not-found", status: "cancelled" } });
  const tooMany = await checkout("too-many", [
    ...Array.from({ length: 100 }, () => ({ productId, quantity: 1_000 })),
  ]);
  expect(tooMany).toMatchObject({ status: 409, body: { error: "out-of-stock" } });
  const tooDear = await checkout("too-dear", [{ productId, quantity: 1_000 }]);
  expect(tooDear).toMatchObject({ status: 402, body: { status: "declined" } });
  expect(await checkout("too-dear", [{ productId, quantity: 1_000 }])).toEqual(tooDear);
  for (const order of [unknown, tooMany, tooDear]) {
    await waitForRelease(idOf(order));
    expect(await shop.held(idOf(order))).toEqual([]);
  }
  expect((await checkout("nothing", [])).status).toBe(400);
});

it("an order service killed after the capture finishes its orders when it is back, and gives up on old ones", async () => {
  shop.edges.payment.become({ kind: "swallow-answers" });
  const lost = ["finished", "given-up"].map((key) => checkout(key).catch(() => "no answer"));
  const [finished, givenUp] = [await idByKey("finished"), await idByKey("given-up")];
  for (const orderId of [finished, givenUp])
    await waitFor("the capture", async () => (await shop.held(orderId)).includes("captured 1"));
  await shop.queryOrders("update orders set created_at = now() - interval '1 hour' where id = $1", [givenUp]);
  await shop.killOrderService();
  expect(await Promise.all(lost)).toEqual(["no answer", "no answer"]);
  shop.edges.payment.become({ kind: "pass" });

  await waitForStatus(finished, "confirmed");
  await waitForFulfilment(finished);
  await waitForStatus(givenUp, "cancelled");
  await waitForRelease(givenUp);
  await waitFor("the refund", async () => (await shop.held(givenUp)).includes("refunded 1"));
  expect(await checkout("given-up")).toMatchObject({ status: 409, body: { error: "gave-up" } });
  expect(await shop.mailsOf(givenUp)).toBe(0);
});

it("an order whose database goes silent after the capture is finished when it is heard again", async () => {
  shop.edges.payment.become({ kind: "delay", requestsMs: 1_500 });
  const told = checkout("db-cut");
  const orderId = await idByKey("db-cut");
  await waitFor("the order to be about to pay", async () => {
    const [row] = await shop.queryOrders<{ step: string }>("select step from orders where id = $1", [
      orderId,
    ]);
    return row?.step === "paying";
  });
  shop.edges["order-db"].become({ kind: "cut" });
  expect(await told).toMatchObject({ status: 202, body: { orderId, status: "pending" } });
  await waitFor("the capture", async () => (await shop.held(orderId)).includes("captured 1"));
  expect((await checkout("while-cut")).status).toBe(503);
  shop.edges["order-db"].become({ kind: "pass" });
  await waitForStatus(orderId, "confirmed");
  await waitForFulfilment(orderId);
});

it("stock that is reserved unheard is pending, and one order in the end", async () => {
  shop.edges.catalog.become({ kind: "swallow-answers", to: "/reservations" });
  const told = await checkout("unheard-stock");
  expect(told).toMatchObject({ status: 202, body: { status: "pending" } });
  shop.edges.catalog.become({ kind: "pass" });
  await waitForStatus(idOf(told), "confirmed");
  await waitForFulfilment(idOf(told));
});

it("a subscriber that is dead holds up no other, and is told when it is back", async () => {
  shop.edges.notification.become({ kind: "cut" });
  const orderId = idOf(await checkout("untold"));
  await waitFor("the stock to be committed", async () => (await reservationOf(orderId)) === "committed");
  expect(await shop.mailsOf(orderId)).toBe(0);
  shop.edges.notification.become({ kind: "pass" });
  await waitForFulfilment(orderId);
});
