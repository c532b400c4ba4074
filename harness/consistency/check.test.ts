import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Row, Rows } from "../record/row.ts";
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

const each = { id: "i", title: "I", each: "a", where: {} };
const hasOne: Invariant = {
  ...each,
  kind: "has",
  has: "exactly-one",
  in: "b",
  whereIn: {},
  on: { id: "of" },
  equal: {},
};

describe("what cannot be checked is unknown, and says why", () => {
  test.each<[name: string, invariant: Invariant, rows: Rows, why: string]>([
    ["rows that were never read", hasOne, { a: [] }, "b was not read"],
    ["a name every object has", { ...hasOne, in: "constructor" }, { a: [] }, "constructor was not read"],
    [
      "rows that could not be read",
      hasOne,
      { a: { error: "connection refused" }, b: [] },
      "a could not be read: connection refused",
    ],
    ["a column that is not there", hasOne, { a: [{ no: 1 }], b: [] }, 'no column "id" (it has no)'],
    ["a column that is not there on the other side", hasOne, { a: [], b: [{ id: 1 }] }, 'no column "of"'],
    [
      "a condition on a column that is not there",
      { ...hasOne, where: { state: "x" } },
      { a: [{ id: 1 }], b: [] },
      'no column "state"',
    ],
    [
      "a condition of another type",
      { ...hasOne, where: { id: "1" } },
      { a: [{ id: 1 }], b: [] },
      "a.id is 1, expected a string",
    ],
    [
      "ids of different types",
      hasOne,
      { a: [{ id: 1 }], b: [{ of: "1" }] },
      "a.id is a number, but b.of is a string",
    ],
    [
      "amounts of different types",
      { ...hasOne, equal: { n: "m" } },
      { a: [{ id: 1, n: 5 }], b: [{ of: 1, m: "5" }] },
      "a.n is a number, but b.m is a string",
    ],
    [
      "a bound on a text",
      { ...each, kind: "at-least", atLeast: { n: 0 } },
      { a: [{ n: "5" }] },
      'a.n is "5", expected a number',
    ],
    [
      "a sum with a null",
      { ...each, kind: "sum", of: ["n"], equals: "m" },
      { a: [{ n: null, m: 1 }] },
      "a.n is null",
    ],
    [
      "a wanted value of another type",
      { ...each, kind: "is", is: { n: 1 } },
      { a: [{ n: "1" }] },
      'a.n is "1", expected a number',
    ],
    [
      "an order by a text",
      { ...each, kind: "in-order", of: "n", by: "at", per: ["id"] },
      { a: [{ id: 1, n: 1, at: "09:00" }] },
      'a.at is "09:00", expected a number',
    ],
    [
      "an order of rows whose other half was not read",
      { ...each, kind: "in-order", of: "n", by: "at", per: ["id"], in: "b", on: { id: "of" } },
      { a: [] },
      "b was not read",
    ],
    [
      "a unique column that is not there",
      { ...each, kind: "unique", fields: ["x"] },
      { a: [{ n: 1 }] },
      'no column "x"',
    ],
  ])("%s", (_name, checked, rows, why) => {
    const summary = checkInvariant(checked, rows);
    expect(summary).toMatchObject({ outcome: "unknown", checked: 0, violations: 0, anomalies: [] });
    expect(summary.why).toContain(why);
  });
});

test("no rows hold anything, and it says that none were checked", () => {
  expect(checkInvariant(hasOne, { a: [], b: [] })).toMatchObject({ outcome: "held", checked: 0 });
});

test("null belongs to nothing: it matches no row and is no duplicate", () => {
  expect(checkInvariant(hasOne, { a: [{ id: null }], b: [{ of: null }] }).violations).toBe(1);
  const unique: Invariant = { ...each, kind: "unique", fields: ["id"] };
  expect(checkInvariant(unique, { a: [{ id: null }, { id: null }] }).outcome).toBe("held");
});

test("of many violations ten are shown and all are counted", () => {
  const rows = { a: Array.from({ length: 1_000 }, (_, id) => ({ id })), b: [] };
  const summary = checkInvariant(hasOne, rows);
  expect(summary).toMatchObject({ outcome: "violated", checked: 1_000, violations: 1_000 });
  expect(summary.anomalies).toHaveLength(10);
});

test("fractions that binary cannot hold still add up", () => {
  const sum: Invariant = { ...each, kind: "sum", of: ["x", "y"], equals: "z" };
  expect(checkInvariant(sum, { a: [{ x: 0.1, y: 0.2, z: 0.3 }] }).outcome).toBe("held");
  expect(checkInvariant(sum, { a: [{ x: 1, y: -1, z: 0 }] }).outcome).toBe("held");
  expect(checkInvariant(sum, { a: [{ x: 1, y: 1, z: 1 }] }).outcome).toBe("violated");
});

test("100,000 rows on each side are checked by hashing, not by comparing each with each", () => {
  const count = 100_000;
  const rows = {
    a: Array.from({ length: count }, (_, id) => ({ id })),
    b: Array.from({ length: count }, (_, index) => ({ of: count - 1 - index })),
  };
  expect(checkInvariant(hasOne, rows)).toMatchObject({ outcome: "held", checked: count });
}, 10_000);

const smallRows = fc.array(fc.record({ id: fc.nat(6) }), { maxLength: 12 });
const counts = {
  "exactly-one": (n: number) => n === 1,
  "at-least-one": (n: number) => n >= 1,
  "at-most-one": (n: number) => n <= 1,
  none: (n: number) => n === 0,
};

test.each(Object.entries(counts))("%s finds the rows that counting by hand finds", (has, isRight) => {
  fc.assert(
    fc.property(smallRows, smallRows, (a, b) => {
      const summary = checkInvariant(
        { ...hasOne, has: has as keyof typeof counts, on: { id: "id" } },
        { a, b },
      );
      const wrong = a.filter(({ id }) => !isRight(b.filter((other) => other.id === id).length));
      expect(summary.violations).toBe(wrong.length);
      expect(summary.checked).toBe(a.length);
    }),
  );
});

test("unique finds each value that is there more than once", () => {
  fc.assert(
    fc.property(smallRows, (a) => {
      const summary = checkInvariant({ ...each, kind: "unique", fields: ["id"] }, { a });
      const repeated = new Set(a.map(({ id }) => id).filter((id, index, ids) => ids.indexOf(id) !== index));
      expect(summary.violations).toBe(repeated.size);
    }),
  );
});

const inOrder: Invariant = { ...each, kind: "in-order", of: "n", by: "at", per: ["id"] };

test("a row that has no other half, or two, is out of any order", () => {
  const joined: Invariant = { ...inOrder, per: ["k"], in: "b", on: { id: "of" } };
  const a = [
    { id: 1, at: 1 },
    { id: 2, at: 2 },
    { id: 3, at: 3 },
  ];
  const b = [
    { of: 1, k: 1, n: 1 },
    { of: 2, k: 1, n: 2 },
    { of: 2, k: 1, n: 2 },
  ];
  const { violations, anomalies } = checkInvariant(joined, { a, b });
  expect(violations).toBe(2);
  expect(anomalies.map(({ message }) => message)).toEqual([
    "a id 2: expected exactly one in b, found 2",
    "a id 3: expected exactly one in b, found 0",
  ]);
});

test("in-order finds each step back within a group, and none where each follows the one before", () => {
  const rows = fc.array(fc.record({ id: fc.nat(2), n: fc.nat(5) }), { maxLength: 12 });
  fc.assert(
    fc.property(rows, (given) => {
      const a = given.map((row, at) => ({ ...row, at }));
      const back = a.filter(
        ({ id, n, at }) => n <= (a.findLast((other) => other.id === id && other.at < at)?.n ?? -1),
      );
      expect(checkInvariant(inOrder, { a: a.toReversed() }).violations).toBe(back.length);
    }),
  );
});

test("the order of rows does not matter", () => {
  fc.assert(
    fc.property(smallRows, smallRows, (a, b) => {
      const checked: Invariant = { ...hasOne, on: { id: "id" } };
      expect(checkInvariant(checked, { a: a.toReversed(), b: b.toReversed() }).violations).toBe(
        checkInvariant(checked, { a, b }).violations,
      );
    }),
  );
});
