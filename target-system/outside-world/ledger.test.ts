import { expect, it } from "vitest";
import { creditLimitCents, Ledger, type LedgerRow } from "./ledger.ts";
import { Refusal } from "./refusal.ts";
import type { CardKind } from "./vault.ts";

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return "none";
};

const authorize = (
  ledger: Ledger,
  reference: string,
  amountCents = 500,
  card: CardKind = "good",
): LedgerRow => ledger.authorize({ reference, orderId: `order of ${reference}`, amountCents, card });

it("a captured authorisation is one row with the order it is for, and no second capture is made of it", () => {
  const ledger = new Ledger("gateway-a");
  const { id } = authorize(ledger, "r-1");
  ledger.capture(id);
  expect(refusal(() => ledger.capture(id))).toBe("wrong-status");
  expect(ledger.rows()).toEqual([
    {
      id,
      gateway: "gateway-a",
      reference: "r-1",
      orderId: "order of r-1",
      amountCents: 500,
      status: "captured",
      captures: 1,
      refundedCents: 0,
    },
  ]);
});

it("one reference authorised twice is two authorisations: a ledger sees no repeats", () => {
  const ledger = new Ledger("gateway-a");
  const ids = [authorize(ledger, "r-1").id, authorize(ledger, "r-1").id];
  expect(ledger.find("r-1").map(({ id }) => id)).toEqual(ids);
  expect(ledger.find("r-2")).toEqual([]);
});

it("a voided authorisation is never captured, a captured one never voided, and only a captured one is refunded", () => {
  const ledger = new Ledger("gateway-a");
  const [voided, captured] = [authorize(ledger, "r-1").id, authorize(ledger, "r-2").id];
  ledger.void(voided);
  ledger.capture(captured);
  expect(refusal(() => ledger.capture(voided))).toBe("wrong-status");
  expect(refusal(() => ledger.refund(voided, 1))).toBe("wrong-status");
  expect(refusal(() => ledger.void(captured))).toBe("wrong-status");
  expect(refusal(() => ledger.capture("nobody"))).toBe("unknown");
});

it("a refund gives back an amount, never more than was captured, and all of it makes the payment refunded", () => {
  const ledger = new Ledger("gateway-b");
  const { id } = authorize(ledger, "r-1", 500);
  ledger.capture(id);
  expect(ledger.refund(id, 200)).toMatchObject({ status: "captured", refundedCents: 200 });
  expect(refusal(() => ledger.refund(id, 301))).toBe("too-much");
  expect(ledger.refund(id, 300)).toMatchObject({ status: "refunded", refundedCents: 500 });
  expect(refusal(() => ledger.refund(id, 1))).toBe("wrong-status");
});

it("a card that declines and an amount above the limit leave no row; one without funds is found out at capture", () => {
  const ledger = new Ledger("gateway-b");
  expect(refusal(() => authorize(ledger, "r-1", creditLimitCents + 1))).toBe("declined");
  expect(refusal(() => authorize(ledger, "r-1", 1, "declined"))).toBe("declined");
  expect(ledger.rows()).toEqual([]);
  const { id } = authorize(ledger, "r-2", creditLimitCents, "insufficient-funds");
  expect(refusal(() => ledger.capture(id))).toBe("insufficient-funds");
  expect(ledger.row(id)).toMatchObject({ status: "declined", captures: 0 });
  expect(ledger.settlements(undefined, 10)).toEqual([]);
});

it("the settlement report has each capture and refund once, and is read on from any line", () => {
  const ledger = new Ledger("gateway-a");
  const [first, second] = [authorize(ledger, "r-1", 500).id, authorize(ledger, "r-2", 700).id];
  ledger.capture(first);
  ledger.capture(second);
  ledger.refund(first, 500);
  const lines = ledger.settlements(undefined, 10);
  expect(lines.map(({ kind, reference, amountCents }) => [kind, reference, amountCents])).toEqual([
    ["capture", "r-1", 500],
    ["capture", "r-2", 700],
    ["refund", "r-1", 500],
  ]);
  expect(ledger.settlements(lines[0]?.id, 1)).toEqual([lines[1]]);
  expect(ledger.settlements(lines[2]?.id, 10)).toEqual([]);
  expect(ledger.settlements("of another life", 10)).toEqual(lines);
});
