import { expect, test } from "vitest";
import { thresholdObjectives } from "./threshold-objectives.ts";

test("a crossed threshold of k6 deviates, in k6's words, one that is not holds, and one of nothing is not decided", () => {
  const metric = "http_req_duration{step:home}";
  expect(
    thresholdObjectives([
      { metric, threshold: "p(95)<500", outcome: "crossed", value: 612.345678 },
      { metric: "checks", threshold: "rate>0.99", outcome: "not-crossed" },
      { metric: "checks", threshold: "rate>0.99", outcome: "no-sample", value: 0 },
    ]),
  ).toMatchObject([
    {
      kind: "threshold",
      title: "k6 threshold: http_req_duration{step:home} p(95)<500",
      outcome: "deviated",
      measured: "612.3",
    },
    { kind: "threshold", outcome: "held", measured: "k6 tells no value" },
    {
      kind: "threshold",
      outcome: "inconclusive",
      why: "the metric got no sample; k6 calls that not crossed",
    },
  ]);
});
