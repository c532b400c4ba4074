import { z } from "zod";

/**
 * What k6 had to say of a run in which it was the load, beside the history: its own findings (thresholds), and what
 * limits the evidence.
 */

export const k6ThresholdSchema = z.object({
  /** "http_req_duration{step:home}" */
  metric: z.string(),
  /** "p(95)<500" */
  threshold: z.string(),
  /** k6 calls a threshold crossed, not crossed, and also not crossed when the metric got no sample at all. */
  outcome: z.enum(["crossed", "not-crossed", "no-sample"]),
  /** Value of what the threshold is about, in k6's unit of the metric; absent where k6 does not tell. */
  value: z.number().optional(),
});
export type K6Threshold = Readonly<z.output<typeof k6ThresholdSchema>>;

export const k6OutcomeSchema = z.object({
  /** "v1.8.1" */
  version: z.string(),
  /** Iterations that k6 did not start, since all virtual users were busy. */
  dropped: z.number().int().nonnegative(),
  /** Exceptions that k6 logged and no iteration owned up to: such an iteration may count as succeeded. */
  unattributedErrors: z.number().int().nonnegative(),
  /** How long before the end of the plan k6 ended by itself; 0 when it did not. */
  endedEarlyMs: z.number().nonnegative(),
  /** Why the script itself stopped the run: a threshold with abortOnFail, or test.abort(). */
  abortedBy: z.string().optional(),
  thresholds: z.array(k6ThresholdSchema),
});
export type K6Outcome = Readonly<z.output<typeof k6OutcomeSchema>>;
