import { expect, test } from "vitest";
import { thresholdObjectives } from "./threshold-objectives.ts";

test("a crossed threshold of k6 deviates, in k6's words, and one that is not holds", () => {
  const metric = "http_req_duration{step:home}";
  expect(
    thresholdObjectives([
      { metric, threshold: "p(95)<500", isCrossed: true, value: 612.345678 },
      { metric: "checks", threshold: "rate>0.99", isCrossed: false },
    ]),
  ).toMatchObject([
    {
      kind: "threshold",
      title: "k6 threshold: http_req_duration{step:home} p(95)<500",
      outcome: "deviated",
      measured: "612.3",
    },
    { kind: "threshold", outcome: "held", measured: "k6 tells no value" },
  ]);
});
