import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { thresholdsOf } from "./thresholds.ts";

/** What k6 v1.8.1 summed up of fixtures/endings.ts, without the metrics that have no threshold. */
const summary: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/endings-summary.json"), "utf8"),
);

test("each threshold is told with the value that decided it; true in k6's summary means crossed", () => {
  expect(thresholdsOf(summary)).toEqual([
    { metric: "http_req_duration{step:ok}", threshold: "max<60000", isCrossed: false, value: 3.398542 },
    expect.objectContaining({ metric: "http_req_duration", threshold: "avg<60000", isCrossed: false }),
    { metric: "http_req_duration", threshold: "p(95)<1", isCrossed: true, value: 301.36341335 },
  ]);
});

test("of a rate, and of an aggregate that k6 did not keep, what is known is told", () => {
  const metrics = {
    http_req_failed: { value: 0.25, thresholds: { "rate<0.1": true } },
    waiting: { avg: 3, thresholds: { "p(99.9) < 5": false } },
  };
  expect(thresholdsOf({ metrics })).toEqual([
    { metric: "http_req_failed", threshold: "rate<0.1", isCrossed: true, value: 0.25 },
    { metric: "waiting", threshold: "p(99.9) < 5", isCrossed: false },
  ]);
});

test("a summary of another form is refused", () => {
  expect(() => thresholdsOf({ metrics: { checks: { thresholds: ["rate>0.9"] } } })).toThrow("thresholds");
});
