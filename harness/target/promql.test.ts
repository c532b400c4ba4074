import { expect, test } from "vitest";
import { conditionsIn, namesIn, promDurationMs, rangesIn, selectorsIn } from "./promql.ts";

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

test("a selector's metric, labels and the values that must be equal, whatever stands in strings", () => {
  expect(
    selectorsIn(
      'sum by (job) (rate(a_total{job="o{r}der",le=~"1|1.0",route!=""}[5m] offset 1m)) > 1e-3 or b',
    ),
  ).toEqual([
    { metric: "a_total", labels: ["job", "le", "route"], equal: new Map([["job", "o{r}der"]]) },
    { metric: "b", labels: [], equal: new Map() },
  ]);
});

test("what a query compares with a number, where it holds only by that", () => {
  expect(conditionsIn('(a:b{slo="x > 1 or"} > 0.072 and c >= 1e-3) or (d < -2)')).toEqual([
    { expr: 'a:b{slo="x > 1 or"}', comparison: ">", threshold: 0.072 },
    { expr: "c", comparison: ">=", threshold: 0.001 },
    { expr: "d", comparison: "<", threshold: -2 },
  ]);
  expect(conditionsIn("sum(a > 1) > 2 and b / c > 3 and d > 4 * 2 and e > f")).toEqual([]);
});

test("the ranges of a query, in milliseconds", () => {
  expect(rangesIn('rate(a{b="[9m]"}[30s]) / rate(c[1h30m:1s])')).toEqual([30_000, 5_400_000]);
  expect(["5", "m", "1.5h", "1h "].map(promDurationMs)).toEqual([undefined, undefined, undefined, undefined]);
});
