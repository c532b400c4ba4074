import { expect, it } from "vitest";
import { FaultLedger } from "./fault-ledger.ts";

const noop = { proxy: "edge", name: "noop", type: "noop", lease: undefined };

it("of ended faults the last thousand are kept, and every one that has not ended", () => {
  const ledger = new FaultLedger();
  const lasting = ledger.begin({ ...noop, name: "lasting" });
  for (let index = 0; index < 1_010; index += 1) ledger.end(ledger.begin(noop), "removed");
  expect(ledger.faults).toHaveLength(1_001);
  expect(ledger.faults[0]).toBe(lasting);
  expect(ledger.faults[1]?.id).toBe("fault-12");
});

it("a fault ends once: the first cause stands", () => {
  const ledger = new FaultLedger();
  const fault = ledger.begin(noop);
  ledger.end(fault, "lease-expired");
  ledger.end(fault, "removed");
  expect(fault.end?.by).toBe("lease-expired");
});

it("sums of what faults affected outlive the faults that are kept", () => {
  const ledger = new FaultLedger();
  for (let index = 0; index < 1_200; index += 1) {
    const fault = ledger.begin(noop);
    fault.affectConnection({}, 2);
    ledger.end(fault, "removed");
  }
  expect(ledger.faults).toHaveLength(1_000);
  const sum = ledger.everyAffected().reduce((bytes, { affected }) => bytes + affected.bytes, 0);
  expect(sum).toBe(2_400);
});
