import type { CallAnswer } from "../service-kit/callee.ts";
import type { GatewayName } from "./payments.ts";

/**
 * A payment gateway as this service needs it. Money is taken by `capture` alone. `authorize` may be repeated for one
 * reference and `capture` and `undo` for one id: nothing happens twice.
 *
 * Each rejects with `CallFailed` when there was no answer, and with {@link GatewayTrouble} when the answer settles
 * nothing: in both cases the outcome is unknown.
 */
export interface PaymentGateway {
  readonly name: GatewayName;
  /** How customers know it. */
  readonly method: string;
  authorize(reference: string, amountCents: number): Promise<Authorization>;
  /** `refused`: this authorisation will never be captured. */
  capture(authorizationId: string): Promise<"captured" | "refused">;
  /** Voids what was authorised or gives back what was captured, whichever it is by now. */
  undo(authorizationId: string): Promise<"voided" | "refunded" | "absent">;
  /** The id of the authorisation of a reference, by the gateway's own record. */
  find(reference: string): Promise<string | undefined>;
}

export type Authorization =
  { readonly kind: "authorized"; readonly id: string } | { readonly kind: "declined" };

/** The gateway answered, but with nothing that decides. */
export class GatewayTrouble extends Error {
  override readonly name = "GatewayTrouble";

  constructor(gateway: string, { status }: CallAnswer) {
    super(`${gateway} answered ${status}`);
  }
}

/** All calls of one payment, with the slowest allowed for each, must end before the order service stops waiting. */
export const gatewayDeadlineMs = 700;

/** Voids, else refunds: which of the two is right is known to the gateway alone, and its refusal (409) tells. */
export async function undoWith(
  gateway: string,
  voidIt: () => Promise<CallAnswer>,
  refundIt: () => Promise<CallAnswer>,
): Promise<"voided" | "refunded" | "absent"> {
  const voided = await voidIt();
  if (isSuccess(voided)) return "voided";
  if (voided.status === 404) return "absent";
  if (voided.status !== 409) throw new GatewayTrouble(gateway, voided);
  const refunded = await refundIt();
  if (isSuccess(refunded)) return "refunded";
  throw new GatewayTrouble(gateway, refunded);
}

export function captureOutcome(gateway: string, answer: CallAnswer): "captured" | "refused" {
  if (isSuccess(answer)) return "captured";
  if (answer.status === 404 || answer.status === 409) return "refused";
  throw new GatewayTrouble(gateway, answer);
}

export function isSuccess({ status }: CallAnswer): boolean {
  return status >= 200 && status < 300;
}
