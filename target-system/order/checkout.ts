import { SpanKind } from "@opentelemetry/api";
import type { Logger } from "pino";
import { DatabaseUnavailable } from "../service-kit/database.ts";
import type { DueOrder, Item, NewOrder, Order, Orders } from "./orders.ts";
import type { Partners } from "./partners.ts";
import { inLinkedTrace } from "./trace-link.ts";

/**
 * The saga of an order: reserve stock, take the payment, confirm; or give back what it holds. Each step is stored before
 * its call is made and each call may be repeated, so that the saga can be carried on from its stored step by anyone: by
 * the request that began it, or by the sweeper when that request gave up, or its process died.
 */

/** How long an order is left to whoever carries it on before the sweeper takes it over. */
const leaseMs = 3_000;
const sweepLimit = 32;
/** A customer who was told "pending" must not be charged an hour later. */
const giveUpAfterMs = 15 * 60_000;

export class Checkout {
  readonly #orders: Orders;
  readonly #partners: Partners;
  readonly #onRepeat: () => void;
  readonly #log: Logger;
  /** Sagas at work in this process; whoever else asks for one of these orders waits for the same run. */
  readonly #running = new Map<string, Promise<Order>>();

  /** @param onRepeat told of each order placed again under its key */
  constructor(orders: Orders, partners: Partners, onRepeat: () => void, log: Logger) {
    this.#orders = orders;
    this.#partners = partners;
    this.#onRepeat = onRepeat;
    this.#log = log;
  }

  /**
   * Places an order and carries it as far as it goes now; the same idempotency key gives the same order.
   * @throws {DatabaseUnavailable} when it is not known whether there is an order; once there is, it is pending at worst
   */
  async place(order: NewOrder): Promise<Order> {
    const placed = await this.#orders.place(order, leaseMs);
    if (placed !== undefined) return this.#carryOn(placed, order.items);
    this.#onRepeat();
    const known = await this.#orders.byKey(order.idempotencyKey);
    if (known === undefined) throw new Error("an order's idempotency key is taken, but the order is gone");
    return (await this.#running.get(known.orderId)) ?? known;
  }

  /** Carries on the orders that nobody does. @returns whether there may be more */
  async sweep(): Promise<boolean> {
    const due = await this.#orders.claim(sweepLimit, leaseMs, [...this.#running.keys()]);
    await Promise.all(due.map((order) => this.#resume(order)));
    return due.length === sweepLimit;
  }

  async #resume(order: DueOrder): Promise<void> {
    const { orderId, step } = order;
    const attributes = { "shop.order.id": orderId, "shop.order.step": step };
    await inLinkedTrace("resume checkout", SpanKind.INTERNAL, order, attributes, async () => {
      this.#log.info({ orderId, step }, "carrying on an order");
      await this.#carryOn(order.ageMs < giveUpAfterMs ? order : ((await this.#giveUp(order)) ?? order));
    }).catch((error: unknown) => this.#log.warn({ err: error, orderId }, "an order could not be carried on"));
  }

  async #giveUp(order: Order): Promise<Order | undefined> {
    switch (order.step) {
      case "reserving":
        return this.#orders.failed(order, "cancelled", "gave-up", "releasing");
      case "paying":
        return this.#orders.failed(order, "cancelled", "gave-up", "refunding");
      case "refunding":
      case "releasing":
      case "done":
        return order;
    }
  }

  #carryOn(order: Order, items?: readonly Item[]): Promise<Order> {
    const running = this.#running.get(order.orderId);
    if (running !== undefined) return running;
    const run = this.#run(order, items).finally(() => this.#running.delete(order.orderId));
    this.#running.set(order.orderId, run);
    return run;
  }

  /** Takes step after step until the order is done or one has no outcome yet. */
  async #run(order: Order, items: readonly Item[] | undefined): Promise<Order> {
    let reached = order;
    try {
      while (reached.step !== "done") {
        const next = await this.#step(reached, items);
        if (next === "lost") return (await this.#orders.byId(order.orderId)) ?? reached;
        if (next === "unknown") return reached;
        reached = next;
      }
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      this.#log.warn({ err: error, orderId: order.orderId }, "an order waits for its database");
    }
    return reached;
  }

  /** `unknown`: no outcome yet. `lost`: another run moved the order on first. */
  async #step(order: Order, items: readonly Item[] | undefined): Promise<Order | "unknown" | "lost"> {
    const { orderId } = order;
    switch (order.step) {
      case "reserving": {
        const reserve = await this.#partners.reserve(orderId, items ?? (await this.#orders.itemsOf(orderId)));
        if (reserve.kind === "unknown") return this.#unknown(order, reserve.why);
        // Released even when refused: a try that is still on its way must find the order closed.
        return (
          (reserve.kind === "reserved"
            ? await this.#orders.reserved(orderId, reserve.totalCents)
            : await this.#orders.failed(order, "cancelled", reserve.reason, "releasing")) ?? "lost"
        );
      }
      case "paying":
        return this.#pay(order);
      case "refunding": {
        const refund = await this.#partners.refund(orderId);
        if (refund.kind === "unknown") return this.#unknown(order, refund.why);
        return (await this.#orders.advanced(order, "releasing")) ?? "lost";
      }
      case "releasing": {
        const release = await this.#partners.release(orderId);
        if (release.kind === "unknown") return this.#unknown(order, release.why);
        return (await this.#orders.advanced(order, "done")) ?? "lost";
      }
      case "done":
        return order;
    }
  }

  async #pay(order: Order): Promise<Order | "unknown" | "lost"> {
    const { orderId, totalCents } = order;
    if (totalCents === null) throw new Error(`order ${orderId} is to be paid but has no total`);
    const pay = await this.#partners.pay(orderId, totalCents);
    switch (pay.kind) {
      case "unknown":
        return this.#unknown(order, pay.why);
      case "captured":
        return (await this.#orders.confirmed(orderId)) ?? "lost";
      case "declined":
        return (await this.#orders.failed(order, "declined", "declined", "releasing")) ?? "lost";
      case "refused":
        return (await this.#orders.failed(order, "cancelled", pay.reason, "refunding")) ?? "lost";
    }
  }

  #unknown({ orderId, step }: Order, why: string): "unknown" {
    this.#log.warn({ orderId, step, why }, "an order waits for an outcome");
    return "unknown";
  }
}
