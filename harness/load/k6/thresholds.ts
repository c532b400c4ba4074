import { z } from "zod";
import type { K6Threshold } from "../../record/k6-outcome.ts";

/** Of k6's `--summary-export`: by metric its values, and of each of its thresholds whether it is crossed. */
const summarySchema = z.object({
  metrics: z.record(z.string(), z.looseObject({ thresholds: z.record(z.string(), z.boolean()).optional() })),
});

/**
 * What became of each threshold, by k6's summary.
 * @throws {z.ZodError} when it has another form
 */
export function thresholdsOf(summary: unknown): readonly K6Threshold[] {
  return Object.entries(summarySchema.parse(summary).metrics).flatMap(([metric, { thresholds, ...values }]) =>
    Object.entries(thresholds ?? {}).map(([threshold, isCrossed]) => {
      const value = valueOf(threshold, values);
      const outcome = isCrossed ? "crossed" : hasSample(metric, values) ? "not-crossed" : "no-sample";
      return { metric, threshold, outcome, ...(value === undefined ? {} : { value }) };
    }),
  );
}

/** Parts of a request that may well take no time at all. */
const oftenZero = /^http_req_(?:blocked|connecting|tls_handshaking|sending|receiving)\b/;

/** As far as the summary tells: a rate of nothing, or a trend that is 0 from its least to its most, is of no sample. */
function hasSample(metric: string, { passes, fails, min, max }: Readonly<Record<string, unknown>>): boolean {
  if (passes !== undefined || fails !== undefined) return passes !== 0 || fails !== 0;
  return oftenZero.test(metric) || min !== 0 || max !== 0;
}

/** What stands left of the comparison, "p(95)" of "p(95)<500"; of a rate, k6 calls it `value`. */
function valueOf(threshold: string, values: Readonly<Record<string, unknown>>): number | undefined {
  const [aggregate = ""] = threshold.split(/[<>=!]/);
  const value = values[aggregate.trim()] ?? values["value"];
  return typeof value === "number" ? value : undefined;
}
