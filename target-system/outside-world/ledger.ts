import { randomUUID } from "node:crypto";

/**
 * What a payment gateway holds: one row for each reference a merchant authorised. Money is taken by capture alone, and
 * only once; a voided authorisation can never be captured. Lives as long as the process.
 *
 *   authorized ──capture──▶ captured ──refund──▶ refunded
 *        └──────void──────▶ voided
 */
export type LedgerStatus = "authorized" | "captured" | "voided" | "refunded";

export interface LedgerRow {
  readonly id: string;
  readonly gateway: string;
  /** The merchant's own id of the payment: its order's id. */
  readonly reference: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly status: LedgerStatus;
  /** How often money was taken: 0 or 1, whatever is repeated. */
  readonly captures: number;
}

/** Amounts above this many cents are declined by both gateways: the one rule of these banks. */
export const creditLimitCents = 1_000_000;

/** A request that the ledger refuses; `code` is what the caller is told. */
export class LedgerRefusal extends Error {
  override readonly name = "LedgerRefusal";
  readonly code: "declined" | "amount-differs" | "unknown" | "wrong-status";

  constructor(code: LedgerRefusal["code"], message: string) {
    super(message);
    this.code = code;
  }
}

const moves = {
  capture: { from: "authorized", to: "captured" },
  void: { from: "authorized", to: "voided" },
  refund: { from: "captured", to: "refunded" },
} as const satisfies Record<string, { readonly from: LedgerStatus; readonly to: LedgerStatus }>;

export type LedgerMove = keyof typeof moves;

export class Ledger {
  readonly #gateway: string;
  readonly #byId = new Map<string, LedgerRow>();
  readonly #idByReference = new Map<string, string>();

  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /**
   * The authorisation of `reference`; a repeat gives the first one, in whatever status it is by now.
   * @throws {LedgerRefusal} declined, or the reference is known with another amount
   */
  authorize(reference: string, amountCents: number): LedgerRow {
    const known = this.find(reference);
    if (known !== undefined) {
      if (known.amountCents === amountCents) return known;
      throw new LedgerRefusal(
        "amount-differs",
        `${reference} is known with ${known.amountCents} cents, given ${amountCents}`,
      );
    }
    if (amountCents > creditLimitCents)
      throw new LedgerRefusal("declined", `expected at most ${creditLimitCents} cents, given ${amountCents}`);
    const row: LedgerRow = {
      id: randomUUID(),
      gateway: this.#gateway,
      reference,
      orderId: reference,
      amountCents,
      status: "authorized",
      captures: 0,
    };
    this.#byId.set(row.id, row);
    this.#idByReference.set(reference, row.id);
    return row;
  }

  find(reference: string): LedgerRow | undefined {
    return this.#byId.get(this.#idByReference.get(reference) ?? "");
  }

  /**
   * Captures, voids or refunds an authorisation; a repeat changes nothing.
   * @throws {LedgerRefusal} the id is unknown, or its status does not allow the move
   */
  move(move: LedgerMove, id: string): LedgerRow {
    const row = this.#byId.get(id);
    if (row === undefined) throw new LedgerRefusal("unknown", `no authorisation has the id ${id}`);
    const { from, to } = moves[move];
    if (row.status === to) return row;
    if (row.status !== from)
      throw new LedgerRefusal("wrong-status", `expected ${id} to be ${from}, it is ${row.status}`);
    const moved: LedgerRow = { ...row, status: to, captures: row.captures + (move === "capture" ? 1 : 0) };
    this.#byId.set(id, moved);
    return moved;
  }

  rows(): readonly LedgerRow[] {
    return [...this.#byId.values()];
  }
}
