import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createRandom } from "../base/random.ts";
import { callAttributes, type Call, type CallFaultKind, type Protocol } from "./call-fault.ts";
import { CallSelection } from "./call-selection.ts";
import { FaultLedger, type Fault } from "./fault-ledger.ts";

// A protocol whose calls are matched by their whole label.
const spoken: Protocol = {
  name: "spoken",
  matcher: (match) => (call) => call.label === match,
  openSession: () => {
    throw new Error("no connection here");
  },
};
const kind: CallFaultKind = {
  protocol: spoken,
  attributes: callAttributes(z.string(), {}),
  streams: ["downstream"],
};
const ledger = new FaultLedger();
const connection = {};

function select(
  attributes: Record<string, unknown>,
  seed = "squall",
): { selection: CallSelection; fault: Fault } {
  const fault = ledger.begin({ proxy: "edge", name: "fault", type: "spoken", lease: undefined });
  const selection = new CallSelection({
    kind,
    attributes,
    fault,
    random: createRandom(seed),
    hasFired: (toxic) => ledger.hasFired("edge", toxic),
  });
  return { selection, fault };
}

/** Which of so many calls "hello" are taken, by their place from 1. */
function takenOf(selection: CallSelection, calls: number, label = "hello"): readonly number[] {
  const call: Call = { label, traceId: undefined };
  return Array.from({ length: calls }, (_, index) => index + 1).filter(
    () => selection.offer(call, connection) !== undefined,
  );
}

describe("a fault of calls takes", () => {
  it("every call, unless it says otherwise", () => {
    expect(takenOf(select({ probability: 1 }).selection, 4)).toEqual([1, 2, 3, 4]);
  });

  it("only the calls that match, and counts only those", () => {
    const { selection, fault } = select({ match: "hello", nth: 2 });
    expect(takenOf(selection, 5, "good bye")).toEqual([]);
    expect(fault.matched.requests).toBe(0);
    expect(takenOf(selection, 3)).toEqual([2]);
    expect(fault.matched.requests).toBe(3);
    expect(fault.drawn.requests).toBe(1);
  });

  it("only the nth, every nth, at most so many, or the first so many of every nth", () => {
    expect(takenOf(select({ nth: 3 }).selection, 7)).toEqual([3]);
    expect(takenOf(select({ every: 3 }).selection, 7)).toEqual([3, 6]);
    expect(takenOf(select({ times: 2 }).selection, 7)).toEqual([1, 2]);
    expect(takenOf(select({ every: 2, times: 2 }).selection, 9)).toEqual([2, 4]);
  });

  it("none before another toxic has affected something", () => {
    const other = ledger.begin({ proxy: "edge", name: "other", type: "noop", lease: undefined });
    const { selection } = select({ after: "other" });
    expect(takenOf(selection, 3)).toEqual([]);
    other.affectConnection(connection, 1);
    expect(takenOf(selection, 3)).toEqual([1, 2, 3]);
  });

  it("none before a call that opens it, nor that call itself", () => {
    const { selection, fault } = select({ after: { match: "open" } });
    expect(takenOf(selection, 2)).toEqual([]);
    expect(takenOf(selection, 1, "open")).toEqual([]);
    expect(fault.matched.requests).toBe(0);
    expect(takenOf(selection, 2)).toEqual([1, 2]);
  });

  it("a share of the calls, drawn call by call", () => {
    const taken = takenOf(select({ probability: 0.1 }).selection, 10_000);
    expect(taken.length).toBeGreaterThan(900);
    expect(taken.length).toBeLessThan(1_100);
    expect(takenOf(select({ probability: 0 }).selection, 100)).toEqual([]);
  });
});

describe("the draw of a call", () => {
  it("is the same for the same seed, whatever calls do not match come between", () => {
    const plain = takenOf(select({ match: "hello", probability: 0.3 }).selection, 200);
    const { selection } = select({ match: "hello", probability: 0.3 });
    const mixed = Array.from({ length: 200 }, (_, index) => index + 1).filter(() => {
      takenOf(selection, 3, "noise");
      return takenOf(selection, 1).length === 1;
    });
    expect(mixed).toEqual(plain);
  });

  it("is another for another seed, and for another call", () => {
    const one = takenOf(select({ probability: 0.5 }).selection, 200);
    const other = takenOf(select({ probability: 0.5 }, "other").selection, 200);
    expect(other).not.toEqual(one);
  });
});

it("a call that a fault acts on twice is counted and told once, with the first effect", () => {
  const { selection, fault } = select({});
  const before = ledger.events.kept.length;
  const taken = selection.offer({ label: "hello", traceId: "4bf92f" }, connection);
  taken?.affect("delayed 20 ms", 5);
  taken?.affect("truncated", 7);
  expect(fault.affected).toEqual({ requests: 1, connections: 1, bytes: 12 });
  expect(ledger.events.kept.slice(before).map(({ event }) => event)).toEqual([
    {
      event: "call-affected",
      proxy: "edge",
      toxic: "fault",
      type: "spoken",
      request: 1,
      call: "hello",
      trace_id: "4bf92f",
      effect: "delayed 20 ms",
    },
  ]);
});
