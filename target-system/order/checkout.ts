import { SpanKind } from "@opentelemetry/api";
import type { Logger } from "pino";
import { Bell } from "../service-kit/bell.ts";
import { DatabaseUnavailable } from "../service-kit/database.ts";
import { orderIdAttribute } from "../service-kit/tracing/order-span.ts";
import { inLinkedTrace } from "../service-kit/tracing/trace-link.ts";
import type { DueOrder, Item, NewOrder, Order, Orders } from "./orders.ts";
import type { Partners } from "./partners.ts";

/**
 * The saga of an order: reserve stock, take the payment, confirm; or give back what it holds. Each step is stored before
 * its call is made and each call may be repeated, so that the saga can be carried on from its stored step by anyone: by
 * the request that began it, or by the sweeper when that request gave up, its customer cancelled, or its process died.
 *
 * To cancel is one more move in that store: it wins at once, or finds the order declined. A payment that is under way
 * meanwhile loses its move to confirm; what it takes is given back, since `refunding` comes after it or closes the door.
 */

/** How long an order is left to whoever carries it on before the sweeper takes it over. */
const leaseMs = 3_000;
const sweepEveryMs = 1_000;
const sweepLimit = 32;
/** A customer who was told "pending" must not be charged an hour later. */
const giveUpAfterMs = 15 * 60_000;

export interface CheckoutOptions {
  readonly orders: Orders;
  readonly partners: Partners;
  readonly log: Logger;
  /** Told of each order placed again under its key. */
  readonly onRepeat: () => void;
  /** Told of what was given back, and why. */
  readonly onCompensated: (compensation: Compensation, reason: string) => void;
}

/** `refund`: money that had been taken is back. `release`: the order holds no stock any more. */
export type Compensation = "refund" | "release";

export class Checkout {
  readonly #orders: Orders;
  readonly #partners: Partners;
  readonly #onRepeat: () => void;
  readonly #onCompensated: CheckoutOptions["onCompensated"];
  readonly #log: Logger;
  /** Sagas at work in this process; whoever else asks for one of these orders waits for the same run. */
  readonly #running = new Map<string, Promise<Order>>();
  /** How many of them the sweeper began to carry on. */
  #resumed = 0;
  /** Wakes the sweeper. */
  readonly #bell = new Bell();

  constructor({ orders, partners, log, onRepeat, onCompensated }: CheckoutOptions) {
    this.#orders = orders;
    this.#partners = partners;
    this.#onRepeat = onRepeat;
    this.#onCompensated = onCompensated;
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

  /**
   * Cancels an order for its customer, unless it was declined; what it holds is given back afterwards.
   * @returns the order as it stands now; `undefined` when the user has no such order
   */
  async cancel(orderId: string, userId: string): Promise<Order | undefined> {
    const cancelled = await this.#orders.cancelled(orderId, userId, "cancelled-by-customer");
    if (cancelled !== undefined) {
      this.#bell.ring();
      return cancelled;
    }
    const order = await this.#orders.byId(orderId);
    return order?.userId === userId ? order : undefined;
  }

  /** Carries on the orders that nobody does, until the signal aborts. */
  async sweepUntil(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#bell.ring(), { once: true });
    while (!signal.aborted) {
      await this.#sweep().catch((error: unknown) => this.#log.warn({ err: error }, "the sweep failed"));
      await this.#bell.wait(sweepEveryMs);
    }
  }

  /** Does not wait for the orders that it begins to carry on: one that is slow must hold up no other. */
  async #sweep(): Promise<void> {
    const room = sweepLimit - this.#resumed;
    const due = await this.#orders.claim(room, leaseMs, [...this.#running.keys()]);
    for (const order of due) {
      this.#resumed += 1;
      void this.#resume(order).finally(() => {
        if (this.#resumed === sweepLimit) this.#bell.ring();
        this.#resumed -= 1;
      });
    }
  }

  /** Never rejects. */
  async #resume(order: DueOrder): Promise<void> {
    const { orderId, step } = order;
    const span = {
      name: "resume checkout",
      kind: SpanKind.INTERNAL,
      attributes: { [orderIdAttribute]: orderId, "shop.order.step": step },
    };
    await inLinkedTrace(span, order, async () => {
      this.#log.info({ orderId, step }, "carrying on an order");
      try {
        await this.#carryOn(order.ageMs < giveUpAfterMs ? order : ((await this.#giveUp(order)) ?? order));
      } catch (error) {
        this.#log.warn({ err: error, orderId }, "an order could not be carried on");
        throw error;
      }
    }).catch(() => undefined); // told above, in its trace
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
    // It may have been cancelled meanwhile, and be left to the sweeper.
    return run.then((reached) => {
      if (reached.step !== "done") this.#bell.ring();
      return reached;
    });
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
        if (refund.kind === "nothing-to-refund")
          return (await this.#orders.advanced(order, "releasing")) ?? "lost";
        const refunded = await this.#orders.refunded(orderId);
        if (refunded !== undefined) this.#compensated("refund", order);
        return refunded ?? "lost";
      }
      case "releasing": {
        const release = await this.#partners.release(orderId);
        if (release.kind === "unknown") return this.#unknown(order, release.why);
        const released = await this.#orders.advanced(order, "done");
        if (released !== undefined) this.#compensated("release", order);
        return released ?? "lost";
      }
      case "done":
        return order;
    }
  }

  async #pay(order: Order): Promise<Order | "unknown" | "lost"> {
    const { orderId, userId, cardId, totalCents } = order;
    if (totalCents === null) throw new Error(`order ${orderId} is to be paid but has no total`);
    const pay = await this.#partners.pay({ orderId, userId, cardId, amountCents: totalCents });
    switch (pay.kind) {
      case "unknown":
        return this.#unknown(order, pay.why);
      case "captured":
        return (await this.#orders.confirmed(orderId)) ?? "lost";
      case "declined":
        return (await this.#orders.failed(order, "declined", pay.reason, "releasing")) ?? "lost";
      case "refused":
        return (await this.#orders.failed(order, "cancelled", pay.reason, "refunding")) ?? "lost";
    }
  }

  #compensated(compensation: Compensation, { orderId, reason }: Order): void {
    this.#log.info({ orderId, compensation, reason }, "given back");
    this.#onCompensated(compensation, reason ?? "none");
  }

  #unknown({ orderId, step }: Order, why: string): "unknown" {
    this.#log.warn({ orderId, step, why }, "an order waits for an outcome");
    return "unknown";
  }
}
