import type { Logger } from "pino";
import { CallFailed } from "../service-kit/callee.ts";
import { GatewayTrouble, type Authorization, type PaymentGateway } from "./payment-gateway.ts";
import type { ChosenPayment, GatewayName, Payment, Payments, Stray } from "./payments.ts";

/**
 * Takes a payment once, at one of two gateways, whatever fails on the way:
 *
 *   begin ─▶ authorise at A ─no answer─▶ authorise at B ─▶ choose ─▶ capture where chosen ─▶ captured
 *
 * An authorisation takes no money, so one whose outcome is unknown may be left for the other gateway, and is voided
 * later. A capture takes money: it is written down before it is asked for, and one whose outcome is unknown is asked
 * for again at the same gateway until it is known.
 */
export type PaymentOutcome =
  | { readonly status: "captured"; readonly paymentId: string; readonly gateway: GatewayName }
  | { readonly status: "declined" | "pending" | "cancelled" };

export class AmountDiffers extends Error {
  override readonly name = "AmountDiffers";
}

const sweepLimit = 20;
/** Longer than one call to a gateway may take. */
const againAfterMs = 1_000;
/** A stray authorisation that the gateway has never heard of may still be on its way there; then it expires by itself. */
const strayAttempts = 8;

export class Cashier {
  readonly #payments: Payments;
  readonly #gateways: readonly PaymentGateway[];
  readonly #onRepeat: () => void;
  readonly #log: Logger;
  /** What this process is doing for an order; a second request for the same order waits for the first. */
  readonly #running = new Map<string, Promise<PaymentOutcome>>();

  /**
   * @param gateways in the order in which they are asked
   * @param onRepeat told of each order whose payment was asked for before
   */
  constructor(payments: Payments, gateways: readonly PaymentGateway[], onRepeat: () => void, log: Logger) {
    this.#payments = payments;
    this.#gateways = gateways;
    this.#onRepeat = onRepeat;
    this.#log = log;
  }

  /**
   * Takes the order's payment, or finishes taking it, or says what became of it. `pending`: ask again.
   * @throws {AmountDiffers} when the order's payment is known with another amount
   */
  async take(orderId: string, amountCents: number): Promise<PaymentOutcome> {
    return this.#once(orderId, async () => {
      const begun = await this.#payments.begin(orderId, amountCents, this.#first.name);
      if (begun !== undefined) return this.#proceed(begun, true);
      this.#onRepeat();
      const payment = await this.#known(orderId);
      if (payment.status !== "cancelled" && payment.amountCents !== amountCents)
        throw new AmountDiffers(
          `order ${orderId} has a payment of ${payment.amountCents} cents, given ${amountCents}`,
        );
      return this.#proceed(payment, false);
    });
  }

  /** Gives back what was taken, and sees to it that nothing is taken later. `refunding`: it will be given back. */
  async refund(orderId: string): Promise<"refunded" | "refunding" | "nothing-to-refund"> {
    const payment = await this.#payments.cancel(orderId);
    switch (payment.status) {
      case "refunded":
        return "refunded";
      case "refunding":
        try {
          return await this.#giveBack(payment);
        } catch (error) {
          this.#log.warn({ err: error, orderId }, "the refund is not through yet");
          return "refunding";
        }
      case "authorizing":
      case "capturing":
      case "captured":
      case "declined":
      case "cancelled":
        return "nothing-to-refund";
    }
  }

  /** Settles what earlier calls left open: captures and refunds of unknown outcome, authorisations not needed. */
  async sweep(): Promise<void> {
    const [due, strays] = await Promise.all([
      this.#payments.due(sweepLimit, againAfterMs),
      this.#payments.strays(sweepLimit, againAfterMs),
    ]);
    await Promise.all([
      ...due.map((payment) =>
        this.#attempt(payment.orderId, () =>
          payment.status === "refunding"
            ? this.#giveBack(payment)
            : this.#once(payment.orderId, () => this.#proceed(payment, false)),
        ),
      ),
      ...strays.map((stray) => this.#attempt(stray.orderId, () => this.#void(stray))),
    ]);
  }

  async #attempt(orderId: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.warn({ err: error, orderId }, "not settled yet");
    }
  }

  /** Carries a payment on from where it stands. @param isNew nobody has asked a gateway for it before */
  async #proceed(payment: Payment, isNew: boolean): Promise<PaymentOutcome> {
    switch (payment.status) {
      case "authorizing":
        return this.#authorize(payment, isNew);
      case "capturing":
        return this.#capture(payment);
      case "captured":
        return { status: "captured", paymentId: payment.paymentId, gateway: payment.gateway };
      case "declined":
        return { status: "declined" };
      case "refunding":
      case "refunded":
      case "cancelled":
        return { status: "cancelled" };
    }
  }

  async #authorize({ orderId, amountCents }: Payment, isNew: boolean): Promise<PaymentOutcome> {
    const untouched: GatewayName[] = [];
    for (const gateway of this.#gateways) {
      if (!isNew || gateway !== this.#first) await this.#payments.ask(orderId, gateway.name);
      let authorization: Authorization;
      try {
        authorization = await gateway.authorize(orderId, amountCents);
      } catch (error) {
        if (!isNoAnswer(error)) throw error;
        if (isNew && error instanceof CallFailed && !error.mayHaveHappened) untouched.push(gateway.name);
        this.#log.warn({ err: error, orderId, gateway: gateway.name }, "not authorised, asking the next");
        continue;
      }
      const decided =
        authorization.kind === "declined"
          ? await this.#payments.declined(orderId, "authorizing")
          : await this.#payments.choose(orderId, gateway.name, authorization.id, untouched);
      return this.#proceed(decided ?? (await this.#known(orderId)), false);
    }
    return { status: "pending" };
  }

  async #capture({ orderId, gateway, authorizationId }: ChosenPayment): Promise<PaymentOutcome> {
    let outcome: "captured" | "refused";
    try {
      outcome = await this.#gateway(gateway).capture(authorizationId);
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      this.#log.warn({ err: error, orderId, gateway }, "whether it was captured is not known yet");
      return { status: "pending" };
    }
    const decided =
      outcome === "captured"
        ? await this.#payments.captured(orderId)
        : await this.#payments.declined(orderId, "capturing");
    return this.#proceed(decided ?? (await this.#known(orderId)), false);
  }

  async #giveBack({
    orderId,
    gateway,
    authorizationId,
  }: ChosenPayment): Promise<"refunded" | "nothing-to-refund"> {
    const undone = await this.#gateway(gateway).undo(authorizationId);
    const isRefund = undone === "refunded";
    await this.#payments.undone(orderId, isRefund ? "refunded" : "cancelled");
    return isRefund ? "refunded" : "nothing-to-refund";
  }

  async #void(stray: Stray): Promise<void> {
    const gateway = this.#gateway(stray.gateway);
    const id = await gateway.find(stray.orderId);
    if (id !== undefined) await gateway.undo(id);
    if (id !== undefined || stray.attempts >= strayAttempts) await this.#payments.settled(stray);
  }

  async #known(orderId: string): Promise<Payment> {
    const payment = await this.#payments.find(orderId);
    if (payment === undefined) throw new Error(`the payment of order ${orderId} is gone`);
    return payment;
  }

  #once(orderId: string, work: () => Promise<PaymentOutcome>): Promise<PaymentOutcome> {
    const running = this.#running.get(orderId);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(orderId));
    this.#running.set(orderId, started);
    return started;
  }

  get #first(): PaymentGateway {
    return this.#gateways[0] ?? unknownGateway("first");
  }

  #gateway(name: GatewayName): PaymentGateway {
    return this.#gateways.find((gateway) => gateway.name === name) ?? unknownGateway(name);
  }
}

function isNoAnswer(error: unknown): boolean {
  return error instanceof CallFailed || error instanceof GatewayTrouble;
}

function unknownGateway(name: string): never {
  throw new Error(`expected a configured gateway, got ${name}`);
}
