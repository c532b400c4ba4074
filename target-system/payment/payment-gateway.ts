import type { CallAnswer } from "../service-kit/callee.ts";

export const gatewayNames = ["gateway-a", "gateway-b"] as const;
export type GatewayName = (typeof gatewayNames)[number];

/**
 * A payment gateway as this service needs it. Money is taken by `capture` alone. Each request that changes something
 * carries a key of its payment and deed, by which the gateway recognises a repeat: nothing happens twice.
 *
 * Each rejects with `CallFailed` when there was no answer, and with {@link GatewayTrouble} when the answer settles
 * nothing: in both cases the outcome is unknown, until {@link PaymentGateway.find} tells.
 */
export interface PaymentGateway {
  readonly name: GatewayName;
  /** How customers know it. */
  readonly method: string;
  /** Hands a card's number to the vault. The same card gives the same token. */
  tokenize(card: CardDetails): Promise<Tokenization>;
  authorize(payment: PaymentToAuthorize): Promise<Authorization>;
  capture(payment: AuthorizedPayment): Promise<Capture>;
  void(payment: AuthorizedPayment): Promise<void>;
  /** Gives back the whole amount. */
  refund(payment: AuthorizedPayment): Promise<void>;
  /** The authorisations of a reference, by the gateway's own record. */
  find(reference: string): Promise<readonly Held[]>;
  /** The settlement report from `cursor` on; null: from the beginning. */
  settlements(cursor: string | null): Promise<SettlementPage>;
}

/** Not to be kept, logged or told. */
export interface CardDetails {
  readonly number: string;
  readonly cvc: string;
  /** 1 to 12. */
  readonly month: number;
  /** Of four digits. */
  readonly year: number;
}

export type Tokenization = { readonly kind: "token"; readonly token: string } | { readonly kind: "refused" };

export interface PaymentToAuthorize {
  readonly reference: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly token: string;
}

export interface AuthorizedPayment {
  readonly authorizationId: string;
  readonly amountCents: number;
}

/** Said for good. */
export type Declined = { readonly kind: "declined"; readonly reason: string };
export type Authorization = { readonly kind: "authorized"; readonly id: string } | Declined;
export type Capture = { readonly kind: "captured" } | Declined;

export const heldStatuses = ["authorized", "captured", "declined", "voided", "refunded"] as const;

export interface Held {
  readonly id: string;
  readonly status: (typeof heldStatuses)[number];
}

export interface SettlementLine {
  readonly id: string;
  readonly kind: "capture" | "refund";
  readonly reference: string;
  readonly authorizationId: string;
  readonly amountCents: number;
}

export interface SettlementPage {
  readonly lines: readonly SettlementLine[];
  /** Where to go on reading. */
  readonly cursor: string | null;
  readonly isLast: boolean;
}

export interface GatewayOptions {
  /** For one call, its retries included. */
  readonly deadlineMs: number;
  /** The key by which a gateway is to recognise a request, given what the request is. */
  readonly keyOf: (given: string) => string;
}

/** The gateway answered, but with nothing that decides. */
export class GatewayTrouble extends Error {
  override readonly name = "GatewayTrouble";
  readonly status: number;

  constructor(gateway: string, { status }: CallAnswer) {
    super(`${gateway} answered ${status}`);
    this.status = status;
  }
}

export function isSuccess({ status }: CallAnswer): boolean {
  return status >= 200 && status < 300;
}
