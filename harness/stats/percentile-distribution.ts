import type { Histogram } from "./histogram.ts";

/**
 * A histogram as the percentile distribution that HdrHistogram's tools write and plot (`.hgrm`), in milliseconds:
 *
 *          Value     Percentile TotalCount 1/(1-Percentile)
 *
 *          1.001 0.000000000000          2           1.00
 *
 * Percentiles are stepped through in five steps for each halving of what is left to 100 %, until the largest value is
 * reached. A value is the upper bound of its bucket, but never above the maximum.
 * @see https://hdrhistogram.github.io/HdrHistogram/plotFiles.html
 */
export function percentileDistribution(histogram: Histogram): string {
  const lines = ["       Value     Percentile TotalCount 1/(1-Percentile)", ""];
  const { count, maxMs = 0, meanMs = 0, deviationMs = 0 } = histogram;
  let percent = 0;
  let below = 0;
  for (const bucket of histogram.buckets()) {
    below += bucket.count;
    const valueMs = Math.min(bucket.belowMs, maxMs);
    while ((100 * below) / count >= percent) {
      lines.push(`${row(valueMs, percent, below)} ${decimal(100 / (100 - percent), 14, 2)}`);
      percent = nextPercent(percent);
      if (below === count) break;
    }
  }
  if (count > 0) lines.push(row(maxMs, 100, count));
  const octaves = new Set(histogram.buckets().map(({ fromMs }) => Math.floor(Math.log2(fromMs)))).size;
  return [
    ...lines,
    `#[Mean    = ${decimal(meanMs, 12, 3)}, StdDeviation   = ${decimal(deviationMs, 12, 3)}]`,
    `#[Max     = ${decimal(maxMs, 12, 3)}, Total count    = ${whole(count, 12)}]`,
    `#[Buckets = ${whole(octaves, 12)}, SubBuckets     = ${whole(1_024, 12)}]`,
    "",
  ].join("\n");
}

const stepsPerHalving = 5;

/** In percent, as every step is then a whole number of halvings: exact, as 0.7 + 0.05 is not. */
function nextPercent(percent: number): number {
  const halvings = Math.floor(Math.log2(100 / (100 - percent))) + 1;
  return percent + 100 / (stepsPerHalving * 2 ** halvings);
}

function row(valueMs: number, percent: number, below: number): string {
  return `${decimal(valueMs, 12, 3)} ${decimal(percent / 100, 2, 12)} ${whole(below, 10)}`;
}

function decimal(value: number, width: number, digits: number): string {
  return value.toFixed(digits).padStart(width);
}

function whole(value: number, width: number): string {
  return String(value).padStart(width);
}
