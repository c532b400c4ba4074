import { expect, test } from "vitest";
import { recoveryTime, type TimedOperation } from "./steady-state.ts";

const baseline = { total: 900, failed: 0, p50Ms: 20, p95Ms: 50 };
const undoneAtMs = 10_000;

/** Operations of one second since the undo, evenly spread. */
function second(
  index: number,
  { count = 60, failed = 0, latencyMs = 20 }: { count?: number; failed?: number; latencyMs?: number } = {},
): TimedOperation[] {
  return Array.from({ length: count }, (_, position) => ({
    startMs: undoneAtMs + index * 1_000 + (position * 1_000) / count,
    succeeded: position >= failed,
    latencyMs,
  }));
}

function recovery(...seconds: readonly TimedOperation[][]): number | undefined {
  const endMs = undoneAtMs + seconds.length * 1_000;
  return recoveryTime({ operations: seconds.flat(), undoneAtMs, endMs, baseline });
}

test("a system that is well from the undo on recovered at once", () => {
  expect(recovery(second(0), second(1), second(2))).toBe(0);
});

test("what happened before the undo does not count", () => {
  expect(recovery(second(-1, { failed: 60 }), second(0), second(1))).toBe(0);
});

test("two failed seconds are two seconds to recover", () => {
  expect(recovery(second(0, { failed: 60 }), second(1, { failed: 10 }), second(2), second(3))).toBe(2_000);
});

test("a relapse counts: well means every later bucket is", () => {
  expect(recovery(second(0), second(1), second(2, { failed: 30 }), second(3))).toBe(3_000);
});

test("a system that is bad to the end did not recover", () => {
  expect(recovery(second(0), second(1, { failed: 30 }))).toBeUndefined();
});

test("two failures of sixty are still explained by a clean baseline of 900, three are not", () => {
  // At 1/902 two or more of sixty come with 0.21 %, three or more with 0.004 %.
  expect(recovery(second(0, { failed: 2 }), second(1))).toBe(0);
  expect(recovery(second(0, { failed: 3 }), second(1))).toBe(1_000);
});

test("a baseline that failed too explains more", () => {
  const operations = [...second(0, { failed: 6 }), ...second(1)];
  const endMs = undoneAtMs + 2_000;
  const failing = { ...baseline, failed: 45 };
  expect(recoveryTime({ operations, undoneAtMs, endMs, baseline: failing })).toBe(0);
  expect(recoveryTime({ operations, undoneAtMs, endMs, baseline })).toBe(1_000);
});

test("a slow second is bad when its median is over three times the baseline's, and over its p95", () => {
  expect(recovery(second(0, { latencyMs: 61 }), second(1))).toBe(1_000);
  expect(recovery(second(0, { latencyMs: 60 }), second(1))).toBe(0);
  const wide = { ...baseline, p95Ms: 100 };
  const operations = [...second(0, { latencyMs: 90 }), ...second(1)];
  expect(recoveryTime({ operations, undoneAtMs, endMs: undoneAtMs + 2_000, baseline: wide })).toBe(0);
});

test("seconds with fewer than five operations are judged together with the next", () => {
  // 3 + 3 make one bucket of two seconds; its failures are bad, so it is well from 2 s on.
  const bad = [second(0, { count: 3, failed: 3 }), second(1, { count: 3, failed: 3 })];
  expect(recovery(...bad, second(2, { count: 6 }))).toBe(2_000);
});

test("a merged bucket that is well counts from its first second", () => {
  const sparse = [second(1, { count: 3 }), second(2, { count: 3 })];
  expect(recovery(second(0, { failed: 60 }), ...sparse)).toBe(1_000);
});

test("a last second with too few operations is judged with the one before", () => {
  expect(recovery(second(0), second(1, { count: 4, failed: 4 }))).toBeUndefined();
});

test("fewer than five operations since the undo tell nothing", () => {
  expect(recovery(second(0, { count: 4 }))).toBeUndefined();
  expect(recovery()).toBeUndefined();
});
