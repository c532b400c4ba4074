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
  shop.order().request("POST", "/orders", { items }, { "x-user-id": userId, "idempotency-key": key });

const cancel = (orderId: string, at = shop.order(), by = userId) =>
  at.request("POST", `/orders/${orderId}/cancel`, undefined, { "x-user-id": by });

const read = (path: string, reader = userId) =>
  shop.order().request("GET", path, undefined, { "x-user-id": reader });

const idOf = ({ body }: { readonly body: unknown }): string => (body as Told).orderId;

async function idByKey(key: string): Promise<string> {
  return waitFor(`an order of key ${key}`, async () => {
    const [row] = await shop.queryOrders<{ id: string }>("select id from orders where idempotency_key = $1", [
      key,
    ]);
    return row?.id;
  });
}

interface Stored {
  readonly status: string;
  readonly step: string;
}

async function waitForOrder(orderId: string, awaited: Partial<Stored>): Promise<void> {
  await waitFor(`order ${orderId} to be ${Object.values(awaited).join(", ")}`, async () => {
    const [row] = await shop.queryOrders<Stored & { [column: string]: unknown }>(
      "select status, step from orders where id = $1",
      [orderId],
    );
    return Object.entries(awaited).every(([column, value]) => row?.[column] === value);
  });
}

const waitForStatus = (orderId: string, status: string): Promise<void> => waitForOrder(orderId, { status });

const waitForCapture = (orderId: string): Promise<boolean> =>
  waitFor("the capture", async () => (await shop.held(orderId)).includes("captured 1"));

/** What others are told of an order, in the order of its sequence, which has no gaps. */
async function eventsOf(orderId: string): Promise<readonly Record<string, unknown>[]> {
  const rows = await shop.queryOrders<{ readonly payload: Record<string, unknown> }>(
    "select payload from outbox_events where stream = $1 order by sequence",
    [orderId],
  );
  const payloads = rows.map(({ payload }) => payload);
  expect(payloads.map(({ sequence }) => sequence)).toEqual(payloads.map((_, n) => n + 1));
  return payloads;
}

const typesOf = async (orderId: string): Promise<unknown[]> =>
  (await eventsOf(orderId)).map(({ type }) => type);

async function waitUntilTold(orderId: string): Promise<void> {
  await waitFor(`all to be told of ${orderId}`, async () => {
    const [row] = await shop.queryOrders<{ readonly isTold: boolean }>(
      `select bool_and(delivered = last) as "isTold" from outbox_progress where stream = $1`,
      [orderId],
    );
    return row?.isTold === true;
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
  const createdAt = expect.stringMatching(/^\d{4}-.*Z$/) as unknown;
  const at = expect.stringMatching(/^\d{4}-/) as unknown;
  expect((await read(`/orders/${orderId}`)).body).toEqual({
    orderId,
    status: "confirmed",
    reason: null,
    totalCents,
    createdAt,
    items: [{ productId, quantity: 1 }],
    history: [
      { status: "pending", at },
      { status: "confirmed", at },
    ],
    canCancel: true,
  });
  expect((await read("/orders")).body).toEqual({
    orders: [{ orderId, status: "confirmed", totalCents, createdAt }],
    page: 1,
    total: 1,
  });
  expect((await read("/orders?page=2")).body).toEqual({ orders: [], page: 2, total: 1 });
  expect((await read("/orders", "user-003")).body).toEqual({ orders: [], page: 1, total: 0 });
  expect((await read(`/orders/${orderId}`, "user-003")).status).toBe(404);

  const told = { orderId, userId, items: [{ productId, quantity: 1 }], at };
  expect(await eventsOf(orderId)).toMatchObject([
    { ...told, type: "order.placed", totalCents: null },
    { ...told, type: "order.confirmed", totalCents },
  ]);
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
  expect(await typesOf(idOf(tooDear))).toEqual(["order.placed", "order.declined"]);
  expect(await cancel(idOf(tooDear))).toMatchObject({ status: 409, body: { error: "too-late" } });
  expect((await read(`/orders/${idOf(tooDear)}`)).body).toMatchObject({
    reason: "declined",
    canCancel: false,
  });
  expect((await checkout("nothing", [])).status).toBe(400);
  expect((await checkout("no-text", [{ productId: "\0", quantity: 1 }])).status).toBe(400);
  expect((await read("/orders/%00")).status).toBe(400);
});

it("a confirmed order can be cancelled by its customer: once, its money and its stock go back", async () => {
  const orderId = idOf(await checkout("regretted"));
  await waitForStatus(orderId, "confirmed");
  expect((await cancel(orderId, shop.order(), "user-003")).status).toBe(404);
  expect((await cancel("no-such-order")).status).toBe(404);
  const cancelled = { status: 200, body: { orderId, status: "cancelled" } };
  expect(await Promise.all([cancel(orderId), cancel(orderId)])).toEqual([cancelled, cancelled]);
  await waitForOrder(orderId, { status: "cancelled", step: "done" });
  await waitUntilTold(orderId);
  expect([await shop.held(orderId), await reservationOf(orderId)]).toEqual([["refunded 1"], "released"]);
  expect(await cancel(orderId)).toEqual(cancelled);
  expect((await read(`/orders/${orderId}`)).body).toMatchObject({
    status: "cancelled",
    reason: "cancelled-by-customer",
    history: ["pending", "confirmed", "cancelled", "refunded"].map((status) => ({ status })),
    canCancel: false,
  });
  const types = ["order.placed", "order.confirmed", "order.cancelled", "order.refunded"];
  expect(await typesOf(orderId)).toEqual(types);
  expect((await eventsOf(orderId))[2]).toMatchObject({ reason: "cancelled-by-customer" });
  const metrics = await (await fetch(`${shop.order().url}/metrics`)).text();
  for (const compensation of ["refund", "release"])
    expect(metrics).toMatch(
      new RegExp(
        `^order_compensations_total\\{compensation="${compensation}",reason="cancelled-by-customer".*\\} 1$`,
        "m",
      ),
    );
});

it("an order that is cancelled while its payment is unheard gets its money back, and is never confirmed", async () => {
  shop.edges.payment.become({ kind: "swallow-answers" });
  const placed = checkout("unheard");
  const orderId = await idByKey("unheard");
  await waitForCapture(orderId);
  expect(await cancel(orderId)).toEqual({ status: 200, body: { orderId, status: "cancelled" } });
  shop.edges.payment.become({ kind: "pass" });
  expect((await placed).body).toMatchObject({ orderId });
  await waitForOrder(orderId, { status: "cancelled", step: "done" });
  expect(await shop.held(orderId)).toEqual(["refunded 1"]);
  expect(await typesOf(orderId)).toEqual(["order.placed", "order.cancelled", "order.refunded"]);
  expect(await checkout("unheard")).toMatchObject({ status: 409, body: { error: "cancelled-by-customer" } });
  await waitForRelease(orderId);
});

it("orders cancelled at any moment, at any replica, twice at once: each ends once, and nobody pays for it", async () => {
  await using twin = await shop.startTwin();
  /** What is waited for before the order is cancelled: each lets it race with all that comes after. */
  const moments = [
    () => Promise.resolve(),
    (orderId: string) =>
      waitFor("the stock to be held", async () => (await reservationOf(orderId)) === "reserved"),
    waitForCapture,
    (orderId: string) => waitForStatus(orderId, "confirmed"),
  ] as const;
  const orderIds = await Promise.all(
    Array.from({ length: 12 }, async (_, n) => {
      const key = `raced-${n}`;
      const placed = checkout(key);
      const orderId = await idByKey(key);
      await moments[n % moments.length]?.(orderId);
      const answers = await Promise.all([cancel(orderId), cancel(orderId, twin)]);
      for (const answer of answers)
        expect(answer).toEqual({ status: 200, body: { orderId, status: "cancelled" } });
      expect([201, 202, 409]).toContain((await placed).status);
      return orderId;
    }),
  );
  for (const orderId of orderIds) {
    await waitForOrder(orderId, { status: "cancelled", step: "done" });
    await waitUntilTold(orderId);
    await waitForRelease(orderId);
    const held = (await shop.held(orderId)).filter((row) => !row.endsWith(" 0"));
    const types = (await typesOf(orderId)).join(" ").replaceAll("order.", "");
    expect([types, held]).toEqual([
      expect.stringMatching(/^placed (confirmed )?cancelled( refunded)?$/),
      types.endsWith("refunded") ? ["refunded 1"] : [],
    ]);
    if (types.includes("confirmed")) expect(types).toContain("refunded");
  }
});

it("an order service that is killed carries each order on from the step that it was at", async () => {
  const refunding = idOf(await checkout("refunding"));
  await waitForStatus(refunding, "confirmed");
  shop.edges.payment.become({ kind: "swallow-answers" });
  const lost = ["paying", "given-up"].map((key) => checkout(key).catch(() => "no answer"));
  const [paying, givenUp] = [await idByKey("paying"), await idByKey("given-up")];
  for (const orderId of [paying, givenUp]) await waitForCapture(orderId);
  await cancel(refunding);
  await waitFor("the refund", async () => (await shop.held(refunding)).includes("refunded 1"));
  shop.edges.catalog.become({ kind: "swallow-answers" });
  lost.push(...["reserving", "releasing"].map((key) => checkout(key).catch(() => "no answer")));
  const [reserving, releasing] = [await idByKey("reserving"), await idByKey("releasing")];
  for (const orderId of [reserving, releasing])
    await waitFor("the stock to be held", async () => (await reservationOf(orderId)) === "reserved");
  await cancel(releasing);
  await waitForRelease(releasing);

  const steps = await shop.queryOrders<Stored>(
    "select step, status from orders where id = any ($1) order by array_position($1, id)",
    [[reserving, paying, refunding, releasing]],
  );
  expect(steps.map(({ step }) => step)).toEqual(["reserving", "paying", "refunding", "releasing"]);
  await shop.queryOrders("update orders set created_at = now() - interval '1 hour' where id = $1", [givenUp]);
  await shop.killOrderService();
  await Promise.all(lost);
  for (const edge of [shop.edges.payment, shop.edges.catalog]) edge.become({ kind: "pass" });

  for (const orderId of [reserving, paying]) {
    await waitForStatus(orderId, "confirmed");
    await waitForFulfilment(orderId);
    expect(await typesOf(orderId)).toEqual(["order.placed", "order.confirmed"]);
  }
  for (const orderId of [refunding, releasing, givenUp]) {
    await waitForOrder(orderId, { status: "cancelled", step: "done" });
    await waitUntilTold(orderId);
    expect(await reservationOf(orderId)).toBe("released");
  }
  expect(await typesOf(refunding)).toEqual([
    "order.placed",
    "order.confirmed",
    "order.cancelled",
    "order.refunded",
  ]);
  expect([await shop.held(refunding), await shop.held(releasing), await shop.held(givenUp)]).toEqual([
    ["refunded 1"],
    [],
    ["refunded 1"],
  ]);
  expect(await typesOf(releasing)).toEqual(["order.placed", "order.cancelled"]);
  expect(await checkout("given-up")).toMatchObject({ status: 409, body: { error: "gave-up" } });
  expect(await shop.mailsOf(givenUp)).toBe(0);
});

it("an order service that is killed between a commit and its relay tells of it when it is back", async () => {
  shop.edges.payment.become({ kind: "delay", requestsMs: 800 });
  const told = checkout("untold-yet").catch(() => "no answer");
  const orderId = await idByKey("untold-yet");
  await waitForOrder(orderId, { step: "paying" });
  const subscribers = [shop.edges.catalog, shop.edges.notification, shop.edges.recommendation];
  for (const edge of subscribers) edge.become({ kind: "cut" });
  shop.edges.payment.become({ kind: "pass" });
  await waitForStatus(orderId, "confirmed");
  await shop.killOrderService();
  await told;
  const owed = await shop.queryOrders(
    "select subscriber from outbox_progress where stream = $1 and delivered < last order by subscriber",
    [orderId],
  );
  expect(owed).toEqual([
    { subscriber: "catalog" },
    { subscriber: "notification" },
    { subscriber: "recommendation" },
  ]);
  for (const edge of subscribers) edge.become({ kind: "pass" });
  await waitForFulfilment(orderId);
  await waitUntilTold(orderId);
});

it("an order whose database goes silent after the capture is finished when it is heard again", async () => {
  shop.edges.payment.become({ kind: "delay", requestsMs: 1_500 });
  const told = checkout("db-cut");
  const orderId = await idByKey("db-cut");
  await waitForOrder(orderId, { step: "paying" });
  shop.edges["order-db"].become({ kind: "cut" });
  expect(await told).toMatchObject({ status: 202, body: { orderId, status: "pending" } });
  await waitForCapture(orderId);
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
