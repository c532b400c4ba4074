import { expect, test } from "vitest";
import { namesIn } from "./promql.ts";

test("a query's metrics, the labels each is matched by, and those it is grouped by", () => {
  const { metrics, matched, grouped } = namesIn(
    'sum by (job, le) (rate(a_total{job=~"x|{y}",route!=""}[5m])) / on (slo) slo:b:ratio{slo="1"} > 14.4 unless c and on () vector(0)',
  );
  expect([...metrics]).toEqual(["a_total", "slo:b:ratio", "c"]);
  expect([...matched].map(([name, labels]) => [name, [...labels]])).toEqual([
    ["a_total", ["job", "route"]],
    ["slo:b:ratio", ["slo"]],
    ["c", []],
  ]);
  expect([...grouped]).toEqual(["job", "le", "slo"]);
});
