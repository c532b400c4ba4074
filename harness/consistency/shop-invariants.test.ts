import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Row } from "../record/row.ts";
import { targetSchema } from "../target/target.ts";
import { checkInvariant } from "./check.ts";
import type { Invariant } from "./invariant.ts";

const document: unknown = parse(
  readFileSync(new URL("../../target-system/target.yaml", import.meta.url), "utf8"),
);
const invariants = new Map<string, Invariant>(
  Object.entries(targetSchema().parse(document).invariants).map(([id, given]) => [id, { id, ...given }]),
);

function invariant(id: string): Invariant {
  const found = invariants.get(id);
  if (found === undefined) throw new Error(`target.yaml has no invariant ${id}`);
  return found;
}

/** A shop as it should be: two confirmed orders, one declined, one cancelled when it was paid. */
type Shop = Record<
  | "orders"
  | "order-history"
  | "order-items"
  | "events"
  | "events-at-catalog"
  | "events-at-notification"
  | "events-at-recommendation"
  | "reservations"
  | "stock"
  | "payments"
  | "mails"
  | "texts"
  | "told",
  Row[]
>;

const unheard = { subject: "order-placed", isTold: false, isSale: false };
const heard = { subject: "order-confirmed", isTold: true, isSale: true };
const subscribers = ["catalog", "notification", "recommendation"] as const;

function received(): Row[] {
  return [
    { eventId: "e3", receivedAtMs: 3 },
    { eventId: "e2", receivedAtMs: 2 },
    { eventId: "e1", receivedAtMs: 1 },
  ];
}

function shopOk(): Shop {
  return {
    orders: [
      { orderId: "o1", userId: "u1", status: "confirmed", step: "done", totalCents: 1200, traceId: "t1" },
      { orderId: "o2", userId: "u2", status: "confirmed", step: "done", totalCents: 800, traceId: "t2" },
      { orderId: "o3", userId: "u1", status: "declined", step: "done", totalCents: 500, traceId: "t3" },
      { orderId: "o4", userId: "u1", status: "cancelled", step: "done", totalCents: 300, traceId: null },
    ],
    "order-history": [
      { orderId: "o1", status: "pending" },
      { orderId: "o1", status: "confirmed" },
      { orderId: "o2", status: "pending" },
      { orderId: "o2", status: "confirmed" },
      { orderId: "o3", status: "declined" },
      { orderId: "o4", status: "cancelled" },
    ],
    "order-items": [
      { orderId: "o1", productId: "p1", quantity: 1, status: "confirmed" },
      { orderId: "o2", productId: "p1", quantity: 1, status: "confirmed" },
      { orderId: "o3", productId: "p2", quantity: 1, status: "declined" },
      { orderId: "o4", productId: "p2", quantity: 1, status: "cancelled" },
    ],
    events: [
      { eventId: "e1", orderId: "o1", type: "order.placed", sequence: 1, ...unheard },
      { eventId: "e2", orderId: "o1", type: "order.confirmed", sequence: 2, ...heard },
      { eventId: "e3", orderId: "o2", type: "order.confirmed", sequence: 1, ...heard },
    ],
    "events-at-catalog": received(),
    "events-at-notification": received(),
    "events-at-recommendation": received(),
    reservations: [
      { orderId: "o1", productId: "p1", quantity: 1, status: "committed" },
      { orderId: "o2", productId: "p1", quantity: 1, status: "committed" },
      { orderId: "o3", productId: "p2", quantity: 1, status: "released" },
    ],
    stock: [
      { productId: "p1", initial: 10, available: 7, reserved: 1, committed: 2 },
      { productId: "p2", initial: 5, available: 5, reserved: 0, committed: 0 },
    ],
    payments: [
      { gateway: "gateway-a", orderId: "o1", amountCents: 1200, status: "captured" },
      { gateway: "gateway-a", orderId: "o2", amountCents: 800, status: "voided" },
      { gateway: "gateway-b", orderId: "o2", amountCents: 800, status: "captured" },
      { gateway: "gateway-a", orderId: "o4", amountCents: 300, status: "refunded" },
    ],
    mails: [
      { messageId: "m1", to: "a@shop.example", subject: "order-confirmed", orderId: "o1", deliveries: 1 },
      { messageId: "m2", to: "b@shop.example", subject: "order-confirmed", orderId: "o2", deliveries: 2 },
    ],
    texts: [
      { messageId: "s1", to: "+491", subject: "order-confirmed", orderId: "o1", deliveries: 1 },
      { messageId: "s2", to: "+491", subject: "order-cancelled", orderId: "o1", deliveries: 1 },
    ],
    told: [
      { journey: "log-in", step: "log in", completion: "ok", userId: "u1" },
      {
        journey: "checkout",
        step: "pay",
        completion: "ok",
        traceId: "t1",
        orderId: "o1",
        status: "confirmed",
      },
      {
        journey: "checkout",
        step: "pay",
        completion: "ok",
        traceId: "t2",
        orderId: "o2",
        status: "confirmed",
      },
      { journey: "checkout", step: "pay", completion: "ok", traceId: "t4", orderId: "o4", status: "pending" },
    ],
  };
}

describe("of the shop", () => {
  test.each([...invariants.keys()])("%s: shop-ok", (id) => {
    const summary = checkInvariant(invariant(id), shopOk());
    expect(summary).toMatchObject({ id, outcome: "held", violations: 0, anomalies: [] });
    expect(summary.checked).toBeGreaterThan(0);
  });

  /** One change to a good shop, the invariants that must catch it (and no others may), and a word of the message. */
  const bad: readonly {
    readonly name: string;
    readonly change: (shop: Shop) => void;
    readonly caughtBy: readonly string[];
    readonly says: string;
    readonly traceId: string | undefined;
  }[] = [
    {
      name: "double-capture-bad",
      change: ({ payments }) => {
        payments[1] = { ...payments[1], status: "captured" };
      },
      caughtBy: ["confirmed-order-is-paid-once", "no-payment-taken-twice"],
      says: "2",
      traceId: "t2",
    },
    {
      name: "unpaid-order-bad",
      change: ({ payments }) => void payments.splice(0, 1),
      caughtBy: ["confirmed-order-is-paid-once"],
      says: 'orders orderId "o1": expected exactly one in payments with status "captured", found 0',
      traceId: "t1",
    },
    {
      name: "payment-only-authorized-bad",
      change: ({ payments }) => {
        payments[0] = { ...payments[0], status: "authorized" };
      },
      caughtBy: ["confirmed-order-is-paid-once"],
      says: "found 0",
      traceId: "t1",
    },
    {
      name: "amount-differs-bad",
      change: ({ payments }) => {
        payments[0] = { ...payments[0], amountCents: 1201 };
      },
      caughtBy: ["confirmed-order-is-paid-once"],
      says: "totalCents is 1200, but amountCents in payments is 1201",
      traceId: "t1",
    },
    {
      name: "paid-for-a-declined-order-bad",
      change: ({ payments }) =>
        void payments.push({ gateway: "gateway-a", orderId: "o3", amountCents: 500, status: "captured" }),
      caughtBy: ["captured-payment-has-an-order"],
      says: 'payments orderId "o3"',
      traceId: "t3",
    },
    {
      name: "paid-for-no-order-bad",
      change: ({ payments }) =>
        void payments.push({ gateway: "gateway-a", orderId: "o9", amountCents: 1, status: "captured" }),
      caughtBy: ["captured-payment-has-an-order"],
      says: "found 0",
      traceId: undefined,
    },
    {
      name: "lost-order-bad",
      change: (shop) => {
        shop["order-history"] = shop["order-history"].filter(
          ({ orderId, status }) => orderId !== "o2" || status !== "confirmed",
        );
      },
      caughtBy: ["told-orders-are-kept", "mail-has-a-confirmed-order"],
      says: 'told orderId "o2": expected at least one in order-history',
      traceId: "t2",
    },
    {
      name: "negative-stock-bad",
      change: ({ stock }) => {
        stock[0] = { ...stock[0], available: -1, committed: 10 };
      },
      caughtBy: ["stock-never-negative"],
      says: 'stock productId "p1": available is -1, expected at least 0',
      traceId: undefined,
    },
    {
      name: "stock-leak-bad",
      change: ({ stock }) => {
        stock[1] = { ...stock[1], available: 4 };
      },
      caughtBy: ["stock-adds-up"],
      says: "available + reserved + committed is 4, but initial is 5",
      traceId: undefined,
    },
    {
      name: "missing-mail-bad",
      change: ({ mails }) => void mails.splice(1, 1),
      caughtBy: ["confirmed-order-is-mailed-once", "change-is-mailed-once"],
      says: 'orders orderId "o2": expected exactly one in mails',
      traceId: "t2",
    },
    {
      name: "mail-twice-bad",
      change: ({ mails }) => void mails.push({ ...mails[0], messageId: "m3" }),
      caughtBy: ["confirmed-order-is-mailed-once", "one-mail-a-change", "change-is-mailed-once"],
      says: "found 2",
      traceId: "t1",
    },
    {
      name: "cancellation-mailed-twice-bad",
      change: ({ mails }) => {
        for (const messageId of ["m3", "m4"])
          mails.push({ ...mails[0], messageId, orderId: "o3", subject: "order-cancelled" });
      },
      caughtBy: ["one-mail-a-change"],
      says: '2 rows of mails have orderId "o3", subject "order-cancelled"',
      traceId: undefined,
    },
    {
      name: "text-twice-bad",
      change: ({ texts }) => void texts.push({ ...texts[0], messageId: "s3" }),
      caughtBy: ["one-text-a-change"],
      says: '2 rows of texts have orderId "o1", subject "order-confirmed"',
      traceId: undefined,
    },
    {
      name: "order-twice-bad",
      change: ({ orders }) => void orders.push({ ...orders[3], orderId: "o6", traceId: "t1" }),
      caughtBy: ["checkout-makes-one-order"],
      says: '2 rows of orders have traceId "t1"',
      traceId: "t1",
    },
    {
      name: "unfinished-order-bad",
      change: ({ orders }) => {
        orders[2] = { ...orders[2], step: "releasing" };
      },
      caughtBy: ["every-order-is-finished"],
      says: 'orders orderId "o3": step is "releasing", expected "done"',
      traceId: "t3",
    },
    {
      name: "money-kept-of-a-cancelled-order-bad",
      change: ({ payments }) =>
        void payments.push({ gateway: "gateway-b", orderId: "o4", amountCents: 300, status: "captured" }),
      caughtBy: ["captured-payment-has-an-order", "cancelled-order-keeps-no-money"],
      says: 'payments orderId "o4"',
      traceId: undefined,
    },
    {
      name: "refund-of-a-confirmed-order-bad",
      change: ({ payments }) =>
        void payments.push({ gateway: "gateway-b", orderId: "o1", amountCents: 1200, status: "refunded" }),
      caughtBy: ["refund-has-a-cancelled-order"],
      says: 'payments orderId "o1"',
      traceId: "t1",
    },
    {
      name: "reservation-of-nobody-bad",
      change: ({ reservations }) =>
        void reservations.push({ orderId: "o9", productId: "p1", quantity: 1, status: "released" }),
      caughtBy: ["reservation-has-an-order"],
      says: 'reservations orderId "o9": expected exactly one in orders, found 0',
      traceId: undefined,
    },
    {
      name: "reservation-outlives-its-order-bad",
      change: ({ reservations }) => {
        reservations[2] = { ...reservations[2], status: "reserved" };
      },
      caughtBy: ["no-reservation-outlives-its-order"],
      says: 'orders orderId "o3": expected none in reservations with status "reserved", found 1',
      traceId: "t3",
    },
    {
      name: "sold-to-a-declined-order-bad",
      change: ({ reservations }) => {
        reservations[2] = { ...reservations[2], status: "committed" };
      },
      caughtBy: ["sold-stock-has-a-confirmed-order"],
      says: 'reservations orderId "o3"',
      traceId: "t3",
    },
    {
      name: "sold-in-another-quantity-bad",
      change: ({ reservations }) => {
        reservations[0] = { ...reservations[0], quantity: 2 };
      },
      caughtBy: ["confirmed-order-has-its-stock"],
      says: "quantity is 1, but quantity in reservations is 2",
      traceId: undefined,
    },
    {
      name: "mail-about-a-declined-order-bad",
      change: ({ mails }) => void mails.push({ ...mails[0], messageId: "m3", orderId: "o3" }),
      caughtBy: ["mail-has-a-confirmed-order"],
      says: 'mails orderId "o3"',
      traceId: undefined,
    },
    {
      name: "confirmed-twice-bad",
      change: (shop) => {
        shop.events.push({ ...unheard, eventId: "e4", orderId: "o1", type: "order.confirmed", sequence: 3 });
        for (const at of subscribers) shop[`events-at-${at}`].push({ eventId: "e4", receivedAtMs: 4 });
      },
      caughtBy: ["confirmed-order-is-told-once"],
      says: "found 2",
      traceId: "t1",
    },
    ...subscribers.flatMap((at) => [
      {
        name: `event-lost-on-the-way-to-${at}-bad`,
        change: (shop: Shop) => void shop[`events-at-${at}`].shift(),
        caughtBy: [`events-reach-${at}`],
        says: `events eventId "e3": expected exactly one in events-at-${at}, found 0`,
        traceId: undefined,
      },
      {
        name: `events-in-another-order-at-${at}-bad`,
        change: (shop: Shop) => void (shop[`events-at-${at}`][2] = { eventId: "e1", receivedAtMs: 9 }),
        caughtBy: [`events-in-order-at-${at}`],
        says: `events-at-${at} orderId "o1": sequence 1 came after 2, by receivedAtMs 9 after 2`,
        traceId: undefined,
      },
    ]),
  ];

  test.each(bad)("$name is caught by $caughtBy alone", ({ change, caughtBy, says, traceId }) => {
    const shop = shopOk();
    change(shop);
    const summaries = [...invariants.values()].map((each) => checkInvariant(each, shop));
    const caught = summaries.filter(({ outcome }) => outcome === "violated");
    expect(caught.map(({ id }) => id).sort()).toEqual([...caughtBy].sort());
    expect(summaries.filter(({ outcome }) => outcome === "unknown")).toEqual([]);
    expect(caught[0]).toMatchObject({
      violations: 1,
      anomalies: [{ message: expect.stringContaining(says) as string }],
    });
    expect(caught[0]?.anomalies[0]?.traceId).toBe(traceId);
  });

  test("every invariant has a bad shop that it catches", () => {
    expect(new Set(bad.flatMap(({ caughtBy }) => caughtBy))).toEqual(new Set(invariants.keys()));
  });

  test("the witness shows both sides, with where each row is from", () => {
    const shop = shopOk();
    shop.payments[1] = { ...shop.payments[1], status: "captured" };
    const [anomaly] = checkInvariant(invariant("confirmed-order-is-paid-once"), shop).anomalies;
    expect(anomaly?.witness).toEqual([
      { observation: "orders", ...shop.orders[1] },
      { observation: "payments", ...shop.payments[1] },
      { observation: "payments", ...shop.payments[2] },
    ]);
  });

  test("the witness of a missing row shows the row that is nearly it", () => {
    const shop = shopOk();
    shop.payments[0] = { ...shop.payments[0], status: "authorized" };
    const [anomaly] = checkInvariant(invariant("confirmed-order-is-paid-once"), shop).anomalies;
    expect(anomaly?.witness[1]).toMatchObject({ observation: "payments", status: "authorized" });
  });
});
