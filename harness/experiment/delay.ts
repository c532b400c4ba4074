import { z } from "zod";
import { duration } from "../base/fields.ts";

/** How long something is held back: around one delay, or as recorded. */
export type Delay =
  | {
      readonly distribution: (typeof spreads)[number];
      readonly delayMs: number;
      readonly jitterMs: number;
    }
  | { readonly distribution: "replay"; readonly valuesMs: readonly number[] };

const spreads = ["uniform", "normal", "pareto"] as const;
const distributions = [...spreads, "replay"] as const;
const longestMs = 3_600_000;
const mostValues = 10_000;
const delayError = 'expected a duration such as "200ms"';

/** The fields by which a fault says how long it delays. */
export const delayFields = {
  delay: duration({ atLeast: 1, atMost: longestMs }).optional(),
  jitter: duration({ atMost: longestMs }).optional(),
  distribution: z.enum(distributions, { error: `expected one of ${distributions.join(", ")}` }).optional(),
  values: z
    .array(duration({ atMost: longestMs }), { error: "expected a list of durations" })
    .min(1, { error: "expected at least one duration" })
    .max(mostValues, { error: `expected at most ${mostValues} durations` })
    .optional(),
};

interface GivenDelay {
  readonly delay?: number | undefined;
  readonly jitter?: number | undefined;
  readonly distribution?: (typeof distributions)[number] | undefined;
  readonly values?: readonly number[] | undefined;
}

/** The delay that the fields describe; what they do not allow together becomes an issue. */
export function delayOf(given: GivenDelay, context: z.core.$RefinementCtx): Delay {
  const { delay, jitter = 0, values } = given;
  const { distribution = values === undefined ? "uniform" : "replay" } = given;
  const problem = (path: string, message: string): void =>
    context.addIssue({ code: "custom", path: [path], message });
  if (distribution === "replay") {
    if (values === undefined) problem("values", "expected a list of durations");
    for (const field of ["delay", "jitter"] as const)
      if (given[field] !== undefined) problem(field, `${field} means nothing beside recorded values`);
    return { distribution, valuesMs: values ?? [] };
  }
  if (values !== undefined) problem("values", `values are for distribution replay, not ${distribution}`);
  if (delay === undefined) problem("delay", delayError);
  else if (distribution === "uniform" && jitter > delay) problem("jitter", "expected at most the delay");
  return { distribution, delayMs: delay ?? 0, jitterMs: jitter };
}
