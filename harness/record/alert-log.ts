import { readFileSync } from "node:fs";
import { z } from "zod";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";

/**
 * `metrics/alerts.json`: what Prometheus' rules made of a run's metrics. They were evaluated once each `everyMs` from
 * `startMs` on; every list has a value an evaluation, null where there was none.
 */

const valuesSchema = z.array(z.number().nullable());

/** What an alert compares with a number, over time. */
export const alertConditionSchema = z.object({
  /** `slo:bad:ratio_rate30s{slo="checkout-success"}` */
  expr: z.string(),
  comparison: z.enum([">", ">=", "<", "<="]),
  threshold: z.number(),
  /** The highest of its series; for `<` and `<=` the lowest. */
  values: valuesSchema,
});
export type AlertCondition = Readonly<z.output<typeof alertConditionSchema>>;

export const evaluatedAlertSchema = z.object({
  name: z.string(),
  /** How many of its alerts fired. */
  firing: valuesSchema,
  /**
   * The same, had the baseline gone on for the longest window before the run: a window that is not full yet takes the little
   * that it has seen for all there was. Absent where the windows were full when the fault began.
   */
  firingWithPast: valuesSchema.optional(),
  /** How many series there were of what services export that it rests on. */
  series: valuesSchema,
  /** None where it is no comparison with a number. */
  conditions: z.array(alertConditionSchema),
  /** The longest time that it looks back over. */
  longestWindowMs: z.number(),
});
export type EvaluatedAlert = Readonly<z.output<typeof evaluatedAlertSchema>>;

export const alertLogSchema = z.object({
  version: z.literal(1),
  /** The rules' file, by its name. */
  rules: z.string(),
  /** How many times shorter their windows are than those of the rules in production. */
  scale: z.number(),
  /** Epoch milliseconds. */
  startMs: z.number(),
  everyMs: z.number(),
  evaluations: z.number().int(),
  alerts: z.array(evaluatedAlertSchema),
  /** Why there is nothing, or why it can not be relied on. */
  problem: z.string().optional(),
});
export type AlertLog = Readonly<z.output<typeof alertLogSchema>>;

/**
 * Reads what came of the rules; `undefined` where none were evaluated.
 * @throws {SQUALL_FILE} when the file is there and cannot be read
 */
export function readAlertLog(file: string): AlertLog | undefined {
  try {
    return alertLogSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new SquallError("SQUALL_FILE", `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
