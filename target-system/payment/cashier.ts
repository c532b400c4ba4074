import type { Logger } from "pino";
import type { TellPayment } from "./payment-events.ts";
import type { Authorization, Capture, GatewayName, PaymentGateway } from "./payment-gateway.ts";
import type { AuthorizingPayment, ChosenPayment, NewPayment, Payment, Payments } from "./payments.ts";
import { unheardOf, type Unheard } from "./unheard.ts";

/**
 * Takes a payment once, at one of two gateways, whatever fails on the way:
 *
 *   begin ─▶ authorise at A ─no answer─▶ authorise at B ─▶ choose ─▶ capture where chosen ─▶ captured
 *
 * An authorisation takes no money, so one whose outcome is unknown may be left for the other gateway, and is voided
 * later (Refunds). A capture takes money: it is written down before it is asked for, and one whose outcome is unknown is
 * settled by the same gateway alone. Before a gateway is asked for anything again, it is asked what it knows.
 */
export type PaymentOutcome =
  | { readonly status: "captured"; readonly paymentId: string; readonly gateway: GatewayName }
  | { readonly status: "declined"; readonly reason: string }
  | { readonly status: "pending" | "cancelled" };

export class AmountDiffers extends Error {
  override readonly name = "AmountDiffers";
}

export interface CashierOptions {
  readonly payments: Payments;
  /** In the order in which they are asked. */
  readonly gateways: readonly [PaymentGateway, ...PaymentGateway[]];
  readonly tell: TellPayment;
  readonly log: Logger;
}

export class Cashier {
  readonly #payments: Payments;
  readonly #gateways: CashierOptions["gateways"];
  readonly #tell: TellPayment;
  readonly #log: Logger;
  /** What this process is doing for a payment; a second request for it waits for the first. */
  readonly #running = new Map<string, Promise<PaymentOutcome>>();

  constructor({ payments, gateways, tell, log }: CashierOptions) {
    this.#payments = payments;
    this.#gateways = gateways;
    this.#tell = tell;
    this.#log = log;
  }

  /**
   * Takes a payment, or finishes taking it, or says what became of it. `pending`: it goes on; ask again.
   * @param onRepeat told when there was one of this reference already
   * @throws {AmountDiffers} when it is known with another amount
   */
  async take(wanted: NewPayment, onRepeat: () => void): Promise<PaymentOutcome> {
    const { reference, orderId, amountCents } = wanted;
    const running = this.#running.get(reference);
    if (running !== undefined) onRepeat();
    return (
      running ??
      this.#run(reference, async () => {
        const begun = await this.#payments.begin(wanted, this.#gateways[0].name);
        if (begun !== undefined) {
          if (begun.status === "declined")
            this.#tell({ kind: "decided", gateway: "none", outcome: "declined" });
          return this.#proceed(begun, true);
        }
        onRepeat();
        const payment = await this.#known(reference);
        if (payment.status !== "cancelled" && payment.amountCents !== amountCents)
          throw new AmountDiffers(
            `order ${orderId} has a payment of ${payment.amountCents} cents, given ${amountCents}`,
          );
        return this.#proceed(payment, false);
      })
    );
  }

  /** Carries on a payment that was left open. */
  async carryOn(payment: Payment): Promise<PaymentOutcome> {
    return this.#proceed(payment, false);
  }

  /** Carries a payment on from where it stands. @param isNew nobody else can have gone on from there */
  async #proceed(payment: Payment, isNew: boolean): Promise<PaymentOutcome> {
    switch (payment.status) {
      case "authorizing":
        return this.#authorize(payment, isNew);
      case "capturing":
        return this.#capture(payment, isNew);
      case "captured":
        return { status: "captured", paymentId: payment.paymentId, gateway: payment.gateway };
      case "declined":
        return { status: "declined", reason: payment.reason };
      case "refunding":
      case "refunded":
      case "cancelled":
        return { status: "cancelled" };
    }
  }

  async #authorize(payment: AuthorizingPayment, isNew: boolean): Promise<PaymentOutcome> {
    const { reference, orderId, amountCents, tokens } = payment;
    if (tokens === null) return this.#declined(payment, "none", "no-card");
    const untouched: GatewayName[] = [];
    let failed: { readonly from: GatewayName; readonly why: string } | undefined;
    for (const gateway of this.#gateways) {
      const token = tokens[gateway.name];
      const isWrittenDown = isNew && gateway === this.#gateways[0];
      if (token === undefined) {
        if (isWrittenDown) untouched.push(gateway.name);
        continue;
      }
      if (failed !== undefined) this.#tell({ kind: "fail-over", to: gateway.name, ...failed });
      const isFirstAsk = isWrittenDown || (await this.#payments.ask(reference, gateway.name));
      let authorization: Authorization;
      try {
        authorization =
          (isFirstAsk ? undefined : await this.#findAuthorized(gateway, reference)) ??
          (await gateway.authorize({ reference, orderId, amountCents, token }));
      } catch (error) {
        const unheard = this.#unheard(error, gateway.name, "authorize", reference);
        if (isFirstAsk && !unheard.mayHaveHappened) untouched.push(gateway.name);
        failed = { from: gateway.name, why: unheard.why };
        continue;
      }
      if (authorization.kind === "declined")
        return this.#declined(payment, gateway.name, authorization.reason);
      const chosen = await this.#payments.choose(reference, gateway.name, authorization.id, untouched);
      return chosen === undefined
        ? this.#proceed(await this.#known(reference), false)
        : this.#proceed(chosen, true);
    }
    return { status: "pending" };
  }

  async #capture(payment: ChosenPayment, isFirstAsk: boolean): Promise<PaymentOutcome> {
    const { reference, gateway: name } = payment;
    const gateway = gatewayOf(this.#gateways, name);
    let capture: Capture;
    try {
      capture =
        (isFirstAsk ? undefined : await this.#findCaptured(gateway, payment)) ??
        (await gateway.capture(payment));
    } catch (error) {
      this.#unheard(error, name, "capture", reference);
      return { status: "pending" };
    }
    if (capture.kind === "declined") return this.#declined(payment, name, capture.reason);
    const captured = await this.#payments.captured(reference);
    if (captured !== undefined) this.#tell({ kind: "decided", gateway: name, outcome: "captured" });
    return this.#proceed(captured ?? (await this.#known(reference)), false);
  }

  async #declined(
    { reference, status }: AuthorizingPayment | ChosenPayment,
    gateway: GatewayName | "none",
    reason: string,
  ): Promise<PaymentOutcome> {
    const from = status === "authorizing" ? "authorizing" : "capturing";
    const declined = await this.#payments.declined(reference, from, gateway, reason);
    if (declined !== undefined) this.#tell({ kind: "decided", gateway, outcome: "declined" });
    return this.#proceed(declined ?? (await this.#known(reference)), false);
  }

  /** An authorisation that the gateway gave and was not heard. */
  async #findAuthorized(gateway: PaymentGateway, reference: string): Promise<Authorization | undefined> {
    const held = (await gateway.find(reference)).find(
      ({ status }) => status === "authorized" || status === "captured",
    );
    const found = held === undefined ? "nothing" : "authorized";
    this.#tell({ kind: "reconciled", gateway: gateway.name, operation: "authorize", found });
    return held && { kind: "authorized", id: held.id };
  }

  /** What became of a capture that was not heard; undefined when it can still be made. */
  async #findCaptured(
    gateway: PaymentGateway,
    { reference, authorizationId }: ChosenPayment,
  ): Promise<Capture | undefined> {
    const held = (await gateway.find(reference)).find(({ id }) => id === authorizationId);
    const found = held?.status ?? "nothing";
    this.#tell({ kind: "reconciled", gateway: gateway.name, operation: "capture", found });
    switch (found) {
      case "authorized":
        return undefined;
      case "captured":
        return { kind: "captured" };
      case "declined":
        return { kind: "declined", reason: "insufficient-funds" };
      case "voided":
      case "refunded":
      case "nothing":
        return { kind: "declined", reason: "authorization-lost" };
    }
  }

  /** @throws the error itself, when it is no failure to hear the gateway */
  #unheard(
    error: unknown,
    gateway: GatewayName,
    operation: "authorize" | "capture",
    reference: string,
  ): Unheard {
    const unheard = unheardOf(error);
    if (unheard === undefined) throw error;
    if (unheard.mayHaveHappened) this.#tell({ kind: "outcome-unknown", gateway, operation });
    this.#log.warn({ err: error, reference, gateway, operation }, "the gateway settled nothing");
    return unheard;
  }

  async #known(reference: string): Promise<Payment> {
    const payment = await this.#payments.find(reference);
    if (payment === undefined) throw new Error(`payment ${reference} is gone`);
    return payment;
  }

  #run(reference: string, work: () => Promise<PaymentOutcome>): Promise<PaymentOutcome> {
    const started = work().finally(() => this.#running.delete(reference));
    this.#running.set(reference, started);
    return started;
  }
}

/** @throws {Error} when there is none of this name */
export function gatewayOf(gateways: readonly PaymentGateway[], name: GatewayName): PaymentGateway {
  const found = gateways.find((gateway) => gateway.name === name);
  if (found === undefined) throw new Error(`expected a configured gateway, got ${name}`);
  return found;
}
