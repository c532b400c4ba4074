import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { JournalLine } from "../record/journal.ts";
import { loadTarget } from "../target/load-target.ts";
import { unbiddenEnds } from "./unbidden-ends.ts";

const shop = loadTarget(join(import.meta.dirname, "../../target-system/target.yaml"));

const start: JournalLine = {
  atMs: 1_000,
  event: "load-started",
  journey: "shopper",
  ratePerSecond: 40,
  zeroMs: 1_000,
};
const end = (process: string, by: "itself" | "memory" | "somebody", part = process): JournalLine => ({
  atMs: 13_000,
  event: "process-ended",
  process,
  part,
  endedAtMs: 13_000,
  by,
  detail: "exit code 137",
});
const kill = (process: string): JournalLine => ({
  atMs: 12_000,
  event: "fault-injected",
  fault: "f1",
  faultKind: "kill",
  process,
  detail: `${process} is killed`,
});

describe("a process that ends during a run", () => {
  it("by itself is the system's own doing, and is told", () =>
    expect(unbiddenEnds([start, end("payment", "itself")], shop)).toEqual([
      { text: "payment ended by itself at 12 s (exit code 137)", isWeak: false },
    ]));

  it("by somebody else's hand makes the evidence weak, for the fault was not alone", () =>
    expect(unbiddenEnds([start, end("order-db", "somebody")], shop)).toMatchObject([{ isWeak: true }]));

  it("which a fault of the run meant is not unbidden, of whichever replica it is", () => {
    expect(unbiddenEnds([start, kill("payment"), end("payment", "somebody")], shop)).toEqual([]);
    expect(unbiddenEnds([start, kill("payment"), end("payment-2", "somebody", "payment")], shop)).toEqual([]);
    expect(unbiddenEnds([start, kill("payment"), end("order", "itself")], shop)).toHaveLength(1);
  });

  it("as part of the harness makes the evidence weak, however it ended", () =>
    expect(unbiddenEnds([start, end("receiver", "memory")], shop)).toEqual([
      {
        text:
          "receiver was ended by the kernel for want of memory at 12 s (exit code 137): " +
          "what it carried or took then is not in the evidence",
        isWeak: true,
      },
    ]));
});
