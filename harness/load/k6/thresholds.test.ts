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
    { metric: "http_req_duration{step:ok}", threshold: "max<60000", outcome: "not-crossed", value: 3.398542 },
    expect.objectContaining({ metric: "http_req_duration", threshold: "avg<60000", outcome: "not-crossed" }),
    { metric: "http_req_duration", threshold: "p(95)<1", outcome: "crossed", value: 301.36341335 },
  ]);
});

test("of a rate, and of an aggregate that k6 did not keep, what is known is told", () => {
  const metrics = {
    http_req_failed: { value: 0.25, thresholds: { "rate<0.1": true } },
    waiting: { avg: 3, thresholds: { "p(99.9) < 5": false } },
  };
  expect(thresholdsOf({ metrics })).toEqual([
    { metric: "http_req_failed", threshold: "rate<0.1", outcome: "crossed", value: 0.25 },
    { metric: "waiting", threshold: "p(99.9) < 5", outcome: "not-crossed" },
  ]);
});

test("a threshold of a metric without a sample, which k6 calls not crossed, is told as such", () => {
  const nothing = { min: 0, max: 0, avg: 0, "p(95)": 0 };
  const metrics = {
    "http_req_duration{step:nope}": { ...nothing, thresholds: { "p(95)<500": false } },
    checks: { passes: 0, fails: 0, value: 0, thresholds: { "rate>0.9": false } },
    http_req_tls_handshaking: { ...nothing, thresholds: { "max<5": false } },
    http_req_failed: { passes: 0, fails: 3, value: 0, thresholds: { "rate<0.1": false } },
  };
  expect(thresholdsOf({ metrics }).map(({ outcome }) => outcome)).toEqual([
    "no-sample",
    "no-sample",
    "not-crossed",
    "not-crossed",
  ]);
});

test("a summary of another form is refused", () => {
  expect(() => thresholdsOf({ metrics: { checks: { thresholds: ["rate>0.9"] } } })).toThrow("thresholds");
});
