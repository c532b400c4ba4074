import { expect, it } from "vitest";
import { deviatedSummary } from "./fixtures/shop-summaries.ts";
import { loadText, loadTitle } from "./story.ts";

const summary = deviatedSummary();
const load = { journey: "shopper", ratePerSecond: 60, intended: 3_600, sent: 3_599 };

it("the load is told by its shape, and by its rate where a run of before says no shape", () => {
  expect(loadTitle({ ...summary, load })).toBe("shopper at 60/s");
  const shaped = { ...load, arrivals: "from 10/s to 100/s over 30 s" };
  expect(loadTitle({ ...summary, load: shaped })).toBe("shopper from 10/s to 100/s over 30 s");
});

it("what the load driver measured of itself is told beside what it sent", () => {
  expect(loadText({ ...summary, load })).toBe("3,599 of 3,600 journeys sent");
  expect(
    loadText({ ...summary, load: { ...load, lateP99Ms: 1.7, cpuShare: 0.12, stallMaxMs: 8, lateMaxMs: 9 } }),
  ).toBe(
    "3,599 of 3,600 journeys sent, starts late by 1.7 ms at the 99th percentile, driver at 12 % of a processor, longest stall 8 ms",
  );
});
