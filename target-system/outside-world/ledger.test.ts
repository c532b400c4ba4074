import { expect, it } from "vitest";
import { creditLimitCents, Ledger, LedgerRefusal } from "./ledger.ts";

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof LedgerRefusal) return error.code;
    throw error;
  }
  return "none";
};

it("a repeated authorisation is the first one, and a repeated capture takes no more money", () => {
  const ledger = new Ledger("gateway-a");
  const first = ledger.authorize("order-1", 500);
  ledger.move("capture", first.id);
  ledger.move("capture", first.id);
  expect(ledger.authorize("order-1", 500)).toEqual({ ...first, status: "captured", captures: 1 });
  expect(ledger.rows()).toEqual([{ ...first, orderId: "order-1", status: "captured", captures: 1 }]);
});

it("a voided authorisation is never captured, a captured one never voided, and only a captured one is refunded", () => {
  const ledger = new Ledger("gateway-a");
  const [voided, captured] = [ledger.authorize("order-1", 1), ledger.authorize("order-2", 1)];
  ledger.move("void", voided.id);
  ledger.move("capture", captured.id);
  expect(refusal(() => ledger.move("capture", voided.id))).toBe("wrong-status");
  expect(refusal(() => ledger.move("refund", voided.id))).toBe("wrong-status");
  expect(refusal(() => ledger.move("void", captured.id))).toBe("wrong-status");
  expect(ledger.move("refund", captured.id).status).toBe("refunded");
  expect(refusal(() => ledger.move("capture", captured.id))).toBe("wrong-status");
});

it("amounts above the limit are declined and leave no row; a known reference keeps its amount", () => {
  const ledger = new Ledger("gateway-b");
  expect(refusal(() => ledger.authorize("order-1", creditLimitCents + 1))).toBe("declined");
  expect(ledger.rows()).toEqual([]);
  ledger.authorize("order-1", creditLimitCents);
  expect(refusal(() => ledger.authorize("order-1", 1))).toBe("amount-differs");
  expect(refusal(() => ledger.move("capture", "nobody"))).toBe("unknown");
});
