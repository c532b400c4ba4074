import { expect } from "vitest";
import { waitFor } from "../service-kit/wait.fixture.ts";
import type { Shop } from "./shop.fixture.ts";

export interface Told {
  readonly orderId: string;
  readonly status: string;
  readonly totalCents: number | null;
}

export interface Stored {
  readonly status: string;
  readonly step: string;
}

/** Seeded with 100,000 in stock. */
export const productId = "p-0001";
export const userId = "user-002";

export const idOf = ({ body }: { readonly body: unknown }): string => (body as Told).orderId;

export type ShopOrders = ReturnType<typeof ordersOf>;

/** What a test asks about one customer's orders: as that customer, and behind the scenes. */
export function ordersOf(shop: Shop) {
  const checkout = (key: string, items: readonly object[] = [{ productId, quantity: 1 }]) =>
    shop.order().as("gateway", userId).request("POST", "/orders", { items }, { "idempotency-key": key });

  const cancel = (orderId: string, at = shop.order(), by = userId) =>
    at.as("gateway", by).request("POST", `/orders/${orderId}/cancel`);

  const read = (path: string, reader = userId) => shop.order().as("gateway", reader).request("GET", path);

  async function idByKey(key: string): Promise<string> {
    return waitFor(`an order of key ${key}`, async () => {
      const [row] = await shop.queryOrders<{ id: string }>(
        "select id from orders where idempotency_key = $1",
        [key],
      );
      return row?.id;
    });
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

  return {
    checkout,
    cancel,
    read,
    idByKey,
    waitForOrder,
    waitForStatus,
    waitForCapture,
    eventsOf,
    typesOf,
    waitUntilTold,
    reservationOf,
    waitForRelease,
    waitForFulfilment,
  };
}
