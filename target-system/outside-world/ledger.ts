import { randomUUID } from "node:crypto";
import { Refusal } from "./refusal.ts";
import type { CardKind } from "./vault.ts";

/**
 * What a payment gateway holds: one row for each authorisation. Money is taken by capture alone, and an authorisation is
 * captured at most once; a voided one never is. That a request is a repeat of another one is not seen here but by its key
 * (request-keys.ts): two authorisations of one reference are two. Lives as long as the process.
 *
 *   authorized ──capture──▶ captured ──refund of all of it──▶ refunded
 *        │  ╰──no funds──▶ declined
 *        ╰──────void─────▶ voided
 */
export type LedgerStatus = "authorized" | "captured" | "declined" | "voided" | "refunded";

export interface LedgerRow {
  readonly id: string;
  readonly gateway: string;
  /** The merchant's own id of the payment. */
  readonly reference: string;
  /** The merchant's order that it is for, as the merchant says. */
  readonly orderId: string;
  readonly amountCents: number;
  readonly status: LedgerStatus;
  /** How often money was taken: 0 or 1. */
  readonly captures: number;
  /** How much of it went back. */
  readonly refundedCents: number;
}

export interface NewAuthorization {
  readonly reference: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly card: CardKind;
}

/** A line of the settlement report: money that moved between the cardholder and the merchant. */
export interface Settlement {
  readonly id: string;
  readonly kind: "capture" | "refund";
  readonly authorizationId: string;
  readonly reference: string;
  readonly amountCents: number;
  readonly at: string;
}

/** Amounts above this many cents are declined by both gateways, whatever the card. */
export const creditLimitCents = 1_000_000;

interface Entry {
  readonly row: LedgerRow;
  readonly card: CardKind;
}

export class Ledger {
  readonly #gateway: string;
  readonly #byId = new Map<string, Entry>();
  readonly #idsByReference = new Map<string, string[]>();
  readonly #settlements: Settlement[] = [];
  readonly #settlementIndex = new Map<string, number>();

  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** @throws {Refusal} declined: by the card or its limit; it leaves no row */
  authorize({ reference, orderId, amountCents, card }: NewAuthorization): LedgerRow {
    if (card === "declined") throw new Refusal("declined", "the card's bank declined");
    if (amountCents > creditLimitCents)
      throw new Refusal("declined", `expected at most ${creditLimitCents} cents, given ${amountCents}`);
    const row: LedgerRow = {
      id: randomUUID(),
      gateway: this.#gateway,
      reference,
      orderId,
      amountCents,
      status: "authorized",
      captures: 0,
      refundedCents: 0,
    };
    this.#byId.set(row.id, { row, card });
    const ids = this.#idsByReference.get(reference);
    if (ids === undefined) this.#idsByReference.set(reference, [row.id]);
    else ids.push(row.id);
    return row;
  }

  /** @throws {Refusal} insufficient-funds: this authorisation is over; unknown, wrong-status */
  capture(id: string): LedgerRow {
    const { row, card } = this.#expect(id, "authorized");
    if (card === "insufficient-funds") {
      this.#become({ ...row, status: "declined" });
      throw new Refusal("insufficient-funds", "there is not enough money behind this card");
    }
    this.#settle("capture", row, row.amountCents);
    return this.#become({ ...row, status: "captured", captures: row.captures + 1 });
  }

  /** @throws {Refusal} unknown, wrong-status */
  void(id: string): LedgerRow {
    return this.#become({ ...this.#expect(id, "authorized").row, status: "voided" });
  }

  /** @throws {Refusal} too-much: more than is left; unknown, wrong-status */
  refund(id: string, amountCents: number): LedgerRow {
    const { row } = this.#expect(id, "captured");
    const refundedCents = row.refundedCents + amountCents;
    if (refundedCents > row.amountCents)
      throw new Refusal(
        "too-much",
        `expected at most ${row.amountCents - row.refundedCents} cents, given ${amountCents}`,
      );
    this.#settle("refund", row, amountCents);
    return this.#become({
      ...row,
      refundedCents,
      status: refundedCents === row.amountCents ? "refunded" : "captured",
    });
  }

  /** @throws {Refusal} unknown */
  row(id: string): LedgerRow {
    return this.#entry(id).row;
  }

  /** @throws {Refusal} unknown */
  cardOf(id: string): CardKind {
    return this.#entry(id).card;
  }

  /** The authorisations of a reference, oldest first. */
  find(reference: string): readonly LedgerRow[] {
    return (this.#idsByReference.get(reference) ?? []).map((id) => this.row(id));
  }

  rows(): readonly LedgerRow[] {
    return [...this.#byId.values()].map(({ row }) => row);
  }

  /** Settled lines in their order. @param after the id of the last one known; from the first when there is no such line */
  settlements(after: string | undefined, limit: number): readonly Settlement[] {
    const begin = (this.#settlementIndex.get(after ?? "") ?? -1) + 1;
    return this.#settlements.slice(begin, begin + limit);
  }

  #entry(id: string): Entry {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new Refusal("unknown", `no authorisation has the id ${id}`);
    return entry;
  }

  #expect(id: string, status: LedgerStatus): Entry {
    const entry = this.#entry(id);
    if (entry.row.status !== status)
      throw new Refusal("wrong-status", `expected ${id} to be ${status}, it is ${entry.row.status}`);
    return entry;
  }

  #become(row: LedgerRow): LedgerRow {
    this.#byId.set(row.id, { ...this.#entry(row.id), row });
    return row;
  }

  #settle(
    kind: Settlement["kind"],
    { id: authorizationId, reference }: LedgerRow,
    amountCents: number,
  ): void {
    const id = randomUUID();
    this.#settlementIndex.set(id, this.#settlements.length);
    const at = new Date().toISOString();
    this.#settlements.push({ id, kind, authorizationId, reference, amountCents, at });
  }
}
