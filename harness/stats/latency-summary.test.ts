import { expect, test } from "vitest";
import { summarizeLatency } from "./latency-summary.ts";

test("the summary of 1 to 1,000 ms is 500, 950, 990 and 1,000 ms", () => {
  const samples = Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
  expect(summarizeLatency(samples)).toEqual({ p50Ms: 500, p95Ms: 950, p99Ms: 990, maxMs: 1_000 });
});

test("there is no summary of nothing", () => {
  expect(() => summarizeLatency([])).toThrow(RangeError);
});
