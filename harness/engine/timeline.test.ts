import { expect, it } from "vitest";
import { durationOf, planTimeline } from "./timeline.ts";

it("phases follow each other without a gap, and one of no length is left out", () => {
  const timeline = planTimeline({ warmup: 0, baseline: 10_000, fault: 20_000, recovery: 5_000 });
  expect(timeline).toEqual([
    { phase: "baseline", startMs: 0, endMs: 10_000 },
    { phase: "fault", startMs: 10_000, endMs: 30_000 },
    { phase: "recovery", startMs: 30_000, endMs: 35_000 },
  ]);
  expect(durationOf(timeline)).toBe(35_000);
});
