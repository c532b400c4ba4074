import { expect, test } from "vitest";
import { parse } from "yaml";
import { faultSchema, isEdgeFault } from "../experiment/fault.ts";
import type { EdgeCall } from "../traces/edge-figures.ts";
import { shownBy, type FaultSigns } from "./shown-by.ts";

/** So many calls of so long, of which so many failed. */
const calls = (count: number, durationMs: number, failed = 0): readonly EdgeCall[] =>
  Array.from({ length: count }, (_, index) => ({ durationMs, hasFailed: index < failed }));

function shown(yaml: string, signs: Partial<FaultSigns>) {
  const [kind, fields] = yaml.split(/ (.*)/);
  const fault = faultSchema().parse(parse(`{ ${kind}: { edge: order -> payment, ${fields ?? ""} } }`));
  if (!isEdgeFault(fault)) throw new Error("no fault of an edge");
  return shownBy(fault, { proxy: "Toxiproxy 2.12.0", during: [], before: [], ...signs });
}

const well = calls(100, 20);

test.each([
  ["a latency that a call shows by its length", "latency delay: 300ms, jitter: 50ms", calls(1, 249.5), true],
  ["a latency that every call undercuts", "latency delay: 300ms, jitter: 50ms", calls(50, 240), false],
  ["a latency that nothing crossed", "latency delay: 300ms", [], false],
  [
    "a latency that calls give up waiting for",
    "latency delay: 30s",
    [...calls(9, 100, 9), ...calls(1, 20)],
    true,
  ],
  [
    "a latency of some connections, slow beyond chance",
    "latency delay: 300ms, toxicity: 50%",
    [...calls(5, 300), ...calls(5, 20)],
    true,
  ],
  ["a bandwidth that calls crossed", "bandwidth rate: 10KB/s", calls(1, 20), true],
  [
    "a bandwidth of some connections, which no call shows",
    "bandwidth rate: 10KB/s, toxicity: 50%",
    calls(9, 20),
    false,
  ],
  ["a black hole in which calls fail", "timeout after: 0s", calls(3, 20, 3), true],
  ["a black hole that nothing met", "timeout after: 0s", calls(50, 20), false],
  ["a down edge, over which calls are refused", "down", calls(3, 1, 3), true],
  ["a slow close, which no call shows", "slow-close delay: 1s", calls(9, 20, 9), false],
])("%s", (_what, yaml, during, bit) => {
  expect(shown(yaml, { during, before: well }).bit).toBe(bit);
});

test("failures and slow calls that were as frequent before show nothing", () => {
  expect(shown("down", { during: calls(20, 20, 5), before: calls(100, 20, 20) }).bit).toBe(false);
  const some = "latency delay: 15ms, toxicity: 50%";
  expect(shown(some, { during: calls(20, 20), before: well }).bit).toBe(false);
});

test("of an edge that stood by, any failed call shows it", () => {
  expect(shown("down", { during: calls(1, 20, 1) }).bit).toBe(true);
});

test("without a call, bytes that never went out show a black hole, and ended connections a slow close", () => {
  expect(shown("timeout after: 0s", { lostBytes: 1 }).bit).toBe(true);
  expect(shown("timeout after: 0s", { lostBytes: 0, endedBytes: 99 }).bit).toBe(false);
  expect(shown("slow-close delay: 1s", { endedBytes: 99 }).bit).toBe(true);
  expect(shown("slow-close delay: 1s, toxicity: 50%", { endedBytes: 99 }).bit).toBe(false);
  expect(shown("latency delay: 300ms", { endedBytes: 99 }).bit).toBe(false);
});

test("it is told what shows it, and that no seed repeats what Toxiproxy draws", () => {
  expect(
    shown("timeout after: 0s, toxicity: 10%", { during: calls(4, 1, 3), before: well, lostBytes: 2_200 })
      .shownBy,
  ).toBe(
    "Toxiproxy 2.12.0 does not count what a fault touches; 3 of 4 calls over the edge failed, 0 of 100 in the baseline, " +
      "2.2 KB came in and never went out; which 10 % of connections it took is Toxiproxy 2.12.0's own draw, no seed repeats it",
  );
  expect(shown("slow-close delay: 1s", {}).shownBy).toContain(
    "connections were not counted (-proxy-metrics)",
  );
});
