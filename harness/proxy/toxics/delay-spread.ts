import { z } from "zod";
import type { Random } from "../../base/random.ts";
import { longestMs, milliseconds } from "./toxic-kind.ts";

const distributions = ["uniform", "normal", "pareto", "replay"] as const;
const valueError = `expected milliseconds from 0 to ${longestMs}`;

/** The attributes by which single delays differ from each other; beside them stands the delay itself. */
export const spreadFields = {
  jitter: milliseconds(),
  distribution: z.enum(distributions, { error: `expected one of ${distributions.join(", ")}` }).optional(),
  values: z
    .array(
      z.number({ error: valueError }).min(0, { error: valueError }).max(longestMs, { error: valueError }),
    )
    .min(1, { error: "expected at least one recorded delay" })
    .max(100_000, { error: "expected at most 100000 recorded delays" })
    .optional(),
};

export interface DelaySpread {
  readonly jitter: number;
  /** @default "uniform" */
  readonly distribution?: (typeof distributions)[number] | undefined;
  readonly values?: readonly number[] | undefined;
}

/** To be given to `superRefine`: recorded values belong to a replay, and a replay needs them. */
export function checkSpread({ distribution, values }: DelaySpread, context: z.core.$RefinementCtx): void {
  if ((distribution === "replay") === (values !== undefined)) return;
  context.addIssue({
    code: "custom",
    path: ["values"],
    message:
      values === undefined
        ? "expected the recorded delays to replay"
        : 'expected only with "distribution": "replay"',
    input: values,
  });
}

/**
 * One delay in milliseconds, never below 0:
 *
 * - uniform: `delayMs` ± jitter
 * - normal: mean `delayMs`, standard deviation jitter (Box-Muller)
 * - pareto: at least `delayMs`, on average jitter more, with the heavy tail of a Lomax distribution of shape 3, by its
 *   inverse: scale · (u^(-1/3) − 1), whose mean is scale / 2
 * - replay: the recorded values one after the other, again from the first after the last
 *
 * @param index which of the delays it is, from 0
 */
export function drawDelayMs(delayMs: number, spread: DelaySpread, random: Random, index: number): number {
  const { jitter, distribution = "uniform", values } = spread;
  switch (distribution) {
    case "uniform":
      return Math.max(0, jitter === 0 ? delayMs : delayMs + (random.next() * 2 - 1) * jitter);
    case "normal":
      return Math.max(0, delayMs + jitter * standardNormal(random));
    case "pareto":
      return Math.min(longestMs, delayMs + 2 * jitter * ((1 - random.next()) ** (-1 / 3) - 1));
    case "replay":
      return values?.[index % values.length] ?? delayMs;
  }
}

/** Box, Muller: A Note on the Generation of Random Normal Deviates, 1958. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
