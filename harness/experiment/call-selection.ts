import { z } from "zod";
import { fields, nameSchema, ratio } from "../base/fields.ts";

/**
 * Which of the calls on its edge a fault takes, where a toxic of bytes takes whole connections.
 *
 *   call ──→ match? ──→ after? ──→ nth, every, times? ──→ probability? ──→ taken
 *
 * @typeParam M what a call is matched by
 */
export interface CallSelection<M> {
  /** Every call when left out. */
  readonly match?: M | undefined;
  /** Only the nth of the calls that match. */
  readonly nth?: number | undefined;
  /** Every nth of them. */
  readonly every?: number | undefined;
  /** At most so many. */
  readonly times?: number | undefined;
  /** Only once another fault, by its name, has been felt, or such a call was seen. */
  readonly after?: string | { readonly match: M } | undefined;
  /** Drawn for each call. */
  readonly probabilityRatio: number;
}

const ordinal = z
  .int({ error: "expected a whole number of calls from 1" })
  .min(1, { error: "expected a whole number of calls from 1" })
  .optional();

/** The fields that select calls, all optional. */
export function selectionFields<M extends z.ZodType>(match: M) {
  return {
    match: match.optional(),
    nth: ordinal,
    every: ordinal,
    times: ordinal,
    after: z
      .union([nameSchema, fields({ match })], {
        error: "expected the name of a fault, or a mapping of match",
      })
      .optional(),
    probability: ratio({ atLeast: 0.0001 }).default(1),
  };
}

interface GivenSelection<M> extends Omit<CallSelection<M>, "probabilityRatio"> {
  readonly probability: number;
}

/** The selection that the fields describe; what they do not allow together becomes an issue. */
export function selectionOf<M>(
  { match, nth, every, times, after, probability }: GivenSelection<M>,
  context: z.core.$RefinementCtx,
): CallSelection<M> {
  for (const [field, given] of Object.entries({ every, times }))
    if (nth !== undefined && given !== undefined)
      context.addIssue({ code: "custom", path: [field], message: `${field} means nothing beside nth` });
  return { match, nth, every, times, after, probabilityRatio: probability };
}
