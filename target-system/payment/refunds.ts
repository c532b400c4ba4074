import type { Logger } from "pino";
import { gatewayOf, type CashierOptions } from "./cashier.ts";
import type { TellPayment } from "./payment-events.ts";
import type { AuthorizedPayment, Held, PaymentGateway } from "./payment-gateway.ts";
import type { ChosenPayment, Payments, Stray } from "./payments.ts";
import { unheardOf } from "./unheard.ts";

/** `refunding`: the money will be given back. */
export type RefundStatus = "refunded" | "refunding" | "nothing-to-refund";

/** A stray authorisation that the gateway has never heard of may still be on its way there; then it expires by itself. */
const strayAttempts = 8;

/**
 * Undoes payments: gives back what was captured, voids what was only authorised. Which of the two is right the gateway
 * knows best: its record is read first, so that a refund of unknown outcome is not asked for again when it was made.
 */
export class Refunds {
  readonly #payments: Payments;
  readonly #gateways: readonly PaymentGateway[];
  readonly #tell: TellPayment;
  readonly #log: Logger;

  constructor({ payments, gateways, tell, log }: CashierOptions) {
    this.#payments = payments;
    this.#gateways = gateways;
    this.#tell = tell;
    this.#log = log;
  }

  /**
   * Gives back what was taken for an order, and sees to it that nothing is taken later.
   * @param reference of the order's payment
   */
  async refund(reference: string, orderId: string): Promise<RefundStatus> {
    const payments = await this.#payments.cancel(reference, orderId);
    const statuses = await Promise.all(
      payments.map(async (payment): Promise<RefundStatus> => {
        if (payment.status === "refunded") return "refunded";
        return payment.status === "refunding" ? this.#tryToGiveBack(payment) : "nothing-to-refund";
      }),
    );
    const order = ["refunding", "refunded"] as const;
    return order.find((status) => statuses.includes(status)) ?? "nothing-to-refund";
  }

  async #tryToGiveBack(payment: ChosenPayment): Promise<RefundStatus> {
    try {
      return await this.giveBack(payment);
    } catch (error) {
      const { reference, gateway } = payment;
      if (unheardOf(error)?.mayHaveHappened === true)
        this.#tell({ kind: "outcome-unknown", gateway, operation: "refund" });
      this.#log.warn({ err: error, reference, gateway }, "the refund is not through yet");
      return "refunding";
    }
  }

  /** Brings a payment in `refunding` to its end. @throws when the gateway settles nothing: its outcome is unknown */
  async giveBack(payment: ChosenPayment): Promise<"refunded" | "nothing-to-refund"> {
    const { reference, authorizationId, gateway: name } = payment;
    const gateway = gatewayOf(this.#gateways, name);
    const held = (await gateway.find(reference)).find(({ id }) => id === authorizationId);
    const isRefund = await this.#undo(gateway, payment, held);
    const outcome = isRefund ? "refunded" : "cancelled";
    if ((await this.#payments.undone(reference, outcome)) !== undefined)
      this.#tell({ kind: "decided", gateway: name, outcome });
    return isRefund ? "refunded" : "nothing-to-refund";
  }

  /** Voids an authorisation that its payment does not need. */
  async void(stray: Stray): Promise<void> {
    const gateway = gatewayOf(this.#gateways, stray.gateway);
    const found = await gateway.find(stray.reference);
    for (const held of found) await this.#undo(gateway, { ...stray, authorizationId: held.id }, held);
    if (found.length > 0 || stray.attempts >= strayAttempts) await this.#payments.settled(stray);
  }

  /** @returns whether money went back, now or before */
  async #undo(gateway: PaymentGateway, payment: AuthorizedPayment, held: Held | undefined): Promise<boolean> {
    switch (held?.status) {
      case "authorized":
        await gateway.void(payment);
        this.#tell({ kind: "compensated", gateway: gateway.name, by: "void" });
        return false;
      case "captured":
        await gateway.refund(payment);
        this.#tell({ kind: "compensated", gateway: gateway.name, by: "refund" });
        return true;
      case "refunded":
        this.#tell({ kind: "reconciled", gateway: gateway.name, operation: "refund", found: "refunded" });
        return true;
      case "declined":
      case "voided":
      case undefined:
        return false;
    }
  }
}
