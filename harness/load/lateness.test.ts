import { expect, it } from "vitest";
import { createLateness } from "./lateness.ts";

function latenessOf(...latesMs: readonly number[]) {
  const lateness = createLateness();
  for (const late of latesMs) lateness.add(late);
  return { count: lateness.count, p99Ms: lateness.p99Ms(), maxMs: lateness.maxMs() };
}

it("the 99th percentile is the value at its nearest rank, to a tenth of a millisecond", () => {
  // 200 values 0.05, 1.05 … 199.05: rank 198 is 197.05
  const lates = Array.from({ length: 200 }, (_, index) => index + 0.05);
  expect(latenessOf(...lates)).toEqual({ count: 200, p99Ms: expect.closeTo(197.1) as number, maxMs: 199.05 });
});

it("one late start among a hundred is the maximum and not the percentile; among fifty it is both", () => {
  const onTime = (count: number) => Array<number>(count).fill(0);
  expect(latenessOf(...onTime(99), 40)).toMatchObject({ p99Ms: 0.1, maxMs: 40 });
  expect(latenessOf(...onTime(49), 40)).toMatchObject({ p99Ms: 40, maxMs: 40 });
});

it("a start before its time is on time, and nothing started is not late", () => {
  expect(latenessOf(-0.04, -0.01)).toEqual({ count: 2, p99Ms: 0, maxMs: 0 });
  expect(latenessOf()).toEqual({ count: 0, p99Ms: 0, maxMs: 0 });
});

it("starts later than the histogram reaches are told by the maximum", () => {
  expect(latenessOf(30_000, 60_000)).toEqual({ count: 2, p99Ms: 60_000, maxMs: 60_000 });
});
