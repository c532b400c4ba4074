import { expect, it } from "vitest";
import { createHistogram } from "./histogram.ts";
import { percentileDistribution } from "./percentile-distribution.ts";

it("is what HdrHistogram prints of the same values, but for where buckets end", () => {
  const histogram = createHistogram();
  for (const valueMs of [100, 200, 250, 600]) histogram.add(valueMs);
  // HdrHistogram counts whole numbers: its 100.000 is our [100, 100.0625).
  expect(percentileDistribution(histogram)).toBe(`\
       Value     Percentile TotalCount 1/(1-Percentile)

     100.063 0.000000000000          1           1.00
     100.063 0.100000000000          1           1.11
     100.063 0.200000000000          1           1.25
     200.125 0.300000000000          2           1.43
     200.125 0.400000000000          2           1.67
     200.125 0.500000000000          2           2.00
     250.125 0.550000000000          3           2.22
     250.125 0.600000000000          3           2.50
     250.125 0.650000000000          3           2.86
     250.125 0.700000000000          3           3.33
     250.125 0.750000000000          3           4.00
     600.000 0.775000000000          4           4.44
     600.000 1.000000000000          4
#[Mean    =      287.602, StdDeviation   =      188.417]
#[Max     =      600.000, Total count    =            4]
#[Buckets =            3, SubBuckets     =         1024]
`);
});

it("goes on to finer percentiles until the largest value is reached", () => {
  const histogram = createHistogram();
  for (let value = 0; value < 100_000; value += 1) histogram.add(value % 1_000);
  const rows = percentileDistribution(histogram)
    .split("\n")
    .filter((line) => /^ +\d/.test(line));
  expect(rows.at(-2)).toBe("     999.000 0.999023437500     100000        1024.00");
  expect(rows.at(-1)).toBe("     999.000 1.000000000000     100000");
  const columns = rows.map((row) => row.trim().split(/ +/).map(Number));
  expect(columns).toEqual(columns.toSorted(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d));
});

it("of nothing there are no rows", () => {
  expect(percentileDistribution(createHistogram()).split("\n")).toHaveLength(6);
});
