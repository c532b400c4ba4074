import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { waitFor } from "../service-kit/wait.fixture.ts";
import {
  idOf,
  ordersOf,
  productId,
  userId,
  type ShopOrders,
  type Stored,
  type Told,
} from "./shop-orders.fixture.ts";
import { startShop, type Shop } from "./shop.fixture.ts";

let shop: Shop;
let orders: ShopOrders;
beforeAll(async () => {
  shop = await startShop();
  orders = ordersOf(shop);
});
beforeEach(() => {
  for (const edge of Object.values(shop.edges)) edge.become({ kind: "pass" });
});
afterAll(() => shop[Symbol.asyncDispose]());

it("a checkout is confirmed, paid once and mailed once; its key gives the same order again", async () => {
  const [placed, meanwhile] = await Promise.all([orders.checkout("happy"), orders.checkout("happy")]);
  await orders.waitForStatus(idOf(placed), "confirmed"); // at once, but for a machine that is too busy
  const again = await orders.checkout("happy");
  expect(again).toMatchObject({ status: 201, body: { status: "confirmed" } });
  expect(new Set([placed, meanwhile, again].map(idOf)).size).toBe(1);
  expect(await (await fetch(`${shop.order().url}/metrics`)).text()).toMatch(
    /^idempotency_duplicates_suppressed_total\{(?=.*operation="POST \/orders").*\} 2$/m,
  );
  const orderId = idOf(again);
  await orders.waitForFulfilment(orderId);

  const { totalCents } = again.body as Told;
  const createdAt = expect.stringMatching(/^\d{4}-.*Z$/) as unknown;
  const at = expect.stringMatching(/^\d{4}-/) as unknown;
  expect((await orders.read(`/orders/${orderId}`)).body).toEqual({
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
  expect((await orders.read("/orders")).body).toEqual({
    orders: [{ orderId, status: "confirmed", totalCents, createdAt }],
    page: 1,
    total: 1,
  });
  expect((await orders.read("/orders?page=2")).body).toEqual({ orders: [], page: 2, total: 1 });
  expect((await orders.read("/orders", "user-003")).body).toEqual({ orders: [], page: 1, total: 0 });
  expect((await orders.read(`/orders/${orderId}`, "user-003")).status).toBe(404);

  const told = { orderId, userId, items: [{ productId, quantity: 1 }], at };
  expect(await orders.eventsOf(orderId)).toMatchObject([
    { ...told, type: "order.placed", totalCents: null },
    { ...told, type: "order.confirmed", totalCents },
  ]);
});

it("what follows a checkout is in traces of its own, linked to the checkout's", async () => {
  const told = await orders.checkout("traced");
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
  const unknown = await orders.checkout("unknown", [{ productId: "p-none", quantity: 1 }]);
  expect(unknown).toMatchObject({ status: 409, body: { error: "product-not-found", status: "cancelled" } });
  const tooMany = await orders.checkout("too-many", [
    ...Array.from({ length: 100 }, () => ({ productId, quantity: 1_000 })),
  ]);
  expect(tooMany).toMatchObject({ status: 409, body: { error: "out-of-stock" } });
  const tooDear = await orders.checkout("too-dear", [{ productId, quantity: 1_000 }]);
  expect(tooDear).toMatchObject({ status: 402, body: { status: "declined" } });
  expect(await orders.checkout("too-dear", [{ productId, quantity: 1_000 }])).toEqual(tooDear);
  for (const order of [unknown, tooMany, tooDear]) {
    await orders.waitForRelease(idOf(order));
    expect(await shop.held(idOf(order))).toEqual([]);
  }
  expect(await orders.typesOf(idOf(tooDear))).toEqual(["order.placed", "order.declined"]);
  expect(await orders.cancel(idOf(tooDear))).toMatchObject({ status: 409, body: { error: "too-late" } });
  expect((await orders.read(`/orders/${idOf(tooDear)}`)).body).toMatchObject({
    reason: "declined",
    canCancel: false,
  });
  expect((await orders.checkout("nothing", [])).status).toBe(400);
  expect((await orders.checkout("no-text", [{ productId: "\0", quantity: 1 }])).status).toBe(400);
  expect((await orders.read("/orders/%00")).status).toBe(400);
});

it("a confirmed order can be cancelled by its customer: once, its money and its stock go back", async () => {
  const orderId = idOf(await orders.checkout("regretted"));
  await orders.waitForStatus(orderId, "confirmed");
  expect((await orders.cancel(orderId, shop.order(), "user-003")).status).toBe(404);
  expect((await orders.cancel("no-such-order")).status).toBe(404);
  const cancelled = { status: 200, body: { orderId, status: "cancelled" } };
  expect(await Promise.all([orders.cancel(orderId), orders.cancel(orderId)])).toEqual([cancelled, cancelled]);
  await orders.waitForOrder(orderId, { status: "cancelled", step: "done" });
  await orders.waitUntilTold(orderId);
  expect([await shop.held(orderId), await orders.reservationOf(orderId)]).toEqual([
    ["refunded 1"],
    "released",
  ]);
  expect(await orders.cancel(orderId)).toEqual(cancelled);
  expect((await orders.read(`/orders/${orderId}`)).body).toMatchObject({
    status: "cancelled",
    reason: "cancelled-by-customer",
    history: ["pending", "confirmed", "cancelled", "refunded"].map((status) => ({ status })),
    canCancel: false,
  });
  const types = ["order.placed", "order.confirmed", "order.cancelled", "order.refunded"];
  expect(await orders.typesOf(orderId)).toEqual(types);
  expect((await orders.eventsOf(orderId))[2]).toMatchObject({ reason: "cancelled-by-customer" });
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
  const placed = orders.checkout("unheard");
  const orderId = await orders.idByKey("unheard");
  await orders.waitForCapture(orderId);
  expect(await orders.cancel(orderId)).toEqual({ status: 200, body: { orderId, status: "cancelled" } });
  shop.edges.payment.become({ kind: "pass" });
  expect((await placed).body).toMatchObject({ orderId });
  await orders.waitForOrder(orderId, { status: "cancelled", step: "done" });
  expect(await shop.held(orderId)).toEqual(["refunded 1"]);
  expect(await orders.typesOf(orderId)).toEqual(["order.placed", "order.cancelled", "order.refunded"]);
  expect(await orders.checkout("unheard")).toMatchObject({
    status: 409,
    body: { error: "cancelled-by-customer" },
  });
  await orders.waitForRelease(orderId);
});

it("orders cancelled at any moment, at any replica, twice at once: each ends once, and nobody pays for it", async () => {
  await using twin = await shop.startTwin();
  /** What is waited for before the order is cancelled: each lets it race with all that comes after. */
  const moments = [
    () => Promise.resolve(),
    (orderId: string) =>
      waitFor("the stock to be held", async () => (await orders.reservationOf(orderId)) !== undefined),
    orders.waitForCapture,
    (orderId: string) => orders.waitForStatus(orderId, "confirmed"),
  ] as const;
  const orderIds = await Promise.all(
    Array.from({ length: 12 }, async (_, n) => {
      const key = `raced-${n}`;
      const placed = orders.checkout(key);
      const orderId = await orders.idByKey(key);
      await moments[n % moments.length]?.(orderId);
      const answers = await Promise.all([orders.cancel(orderId), orders.cancel(orderId, twin)]);
      for (const answer of answers)
        expect(answer).toEqual({ status: 200, body: { orderId, status: "cancelled" } });
      expect([201, 202, 409]).toContain((await placed).status);
      return orderId;
    }),
  );
  for (const orderId of orderIds) {
    await orders.waitForOrder(orderId, { status: "cancelled", step: "done" });
    await orders.waitUntilTold(orderId);
    await orders.waitForRelease(orderId);
    const held = (await shop.held(orderId)).filter((row) => !row.endsWith(" 0"));
    const types = (await orders.typesOf(orderId)).join(" ").replaceAll("order.", "");
    expect([types, held]).toEqual([
      expect.stringMatching(/^placed (confirmed )?cancelled( refunded)?$/),
      types.endsWith("refunded") ? ["refunded 1"] : [],
    ]);
    if (types.includes("confirmed")) expect(types).toContain("refunded");
  }
});

it("an order service that is killed carries each order on from the step that it was at", async () => {
  const refunding = idOf(await orders.checkout("refunding"));
  await orders.waitForStatus(refunding, "confirmed");
  shop.edges.payment.become({ kind: "swallow-answers" });
  const lost = ["paying", "given-up"].map((key) => orders.checkout(key).catch(() => "no answer"));
  const [paying, givenUp] = [await orders.idByKey("paying"), await orders.idByKey("given-up")];
  for (const orderId of [paying, givenUp]) await orders.waitForCapture(orderId);
  await orders.cancel(refunding);
  await waitFor("the refund", async () => (await shop.held(refunding)).includes("refunded 1"));
  shop.edges.catalog.become({ kind: "swallow-answers" });
  lost.push(...["reserving", "releasing"].map((key) => orders.checkout(key).catch(() => "no answer")));
  const [reserving, releasing] = [await orders.idByKey("reserving"), await orders.idByKey("releasing")];
  for (const orderId of [reserving, releasing])
    await waitFor("the stock to be held", async () => (await orders.reservationOf(orderId)) === "reserved");
  await orders.cancel(releasing);
  await orders.waitForRelease(releasing);

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
    await orders.waitForStatus(orderId, "confirmed");
    await orders.waitForFulfilment(orderId);
    expect(await orders.typesOf(orderId)).toEqual(["order.placed", "order.confirmed"]);
  }
  for (const orderId of [refunding, releasing, givenUp]) {
    await orders.waitForOrder(orderId, { status: "cancelled", step: "done" });
    await orders.waitUntilTold(orderId);
    expect(await orders.reservationOf(orderId)).toBe("released");
  }
  expect(await orders.typesOf(refunding)).toEqual([
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
  expect(await orders.typesOf(releasing)).toEqual(["order.placed", "order.cancelled"]);
  expect(await orders.checkout("given-up")).toMatchObject({ status: 409, body: { error: "gave-up" } });
  expect(await shop.mailsOf(givenUp)).toBe(0);
});

it("an order service that is killed between a commit and its relay tells of it when it is back", async () => {
  shop.edges.payment.become({ kind: "delay", requestsMs: 800 });
  const told = orders.checkout("untold-yet").catch(() => "no answer");
  const orderId = await orders.idByKey("untold-yet");
  await orders.waitForOrder(orderId, { step: "paying" });
  const subscribers = [shop.edges.catalog, shop.edges.notification, shop.edges.recommendation];
  for (const edge of subscribers) edge.become({ kind: "cut" });
  shop.edges.payment.become({ kind: "pass" });
  await orders.waitForStatus(orderId, "confirmed");
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
  await orders.waitForFulfilment(orderId);
  await orders.waitUntilTold(orderId);
});

it("an order whose database goes silent after the capture is finished when it is heard again", async () => {
  shop.edges.payment.become({ kind: "delay", requestsMs: 1_500 });
  const told = orders.checkout("db-cut");
  const orderId = await orders.idByKey("db-cut");
  await orders.waitForOrder(orderId, { step: "paying" });
  shop.edges["order-db"].become({ kind: "cut" });
  expect(await told).toMatchObject({ status: 202, body: { orderId, status: "pending" } });
  await orders.waitForCapture(orderId);
  expect((await orders.checkout("while-cut")).status).toBe(503);
  shop.edges["order-db"].become({ kind: "pass" });
  await orders.waitForStatus(orderId, "confirmed");
  await orders.waitForFulfilment(orderId);
});

it("stock that is reserved unheard is pending, and one order in the end", async () => {
  shop.edges.catalog.become({ kind: "swallow-answers", to: "/reservations" });
  const told = await orders.checkout("unheard-stock");
  expect(told).toMatchObject({ status: 202, body: { status: "pending" } });
  shop.edges.catalog.become({ kind: "pass" });
  await orders.waitForStatus(idOf(told), "confirmed");
  await orders.waitForFulfilment(idOf(told));
});

it("a subscriber that is dead holds up no other, and is told when it is back", async () => {
  shop.edges.notification.become({ kind: "cut" });
  const orderId = idOf(await orders.checkout("untold"));
  await waitFor(
    "the stock to be committed",
    async () => (await orders.reservationOf(orderId)) === "committed",
  );
  expect(await shop.mailsOf(orderId)).toBe(0);
  shop.edges.notification.become({ kind: "pass" });
  await orders.waitForFulfilment(orderId);
});
