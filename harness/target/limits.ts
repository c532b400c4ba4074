import { z } from "zod";
import { formatEdge, parseEdge, type Edge } from "../base/edge.ts";
import { duration, fields, ratio, unknownName } from "../base/fields.ts";
import { hoursSchema, type Hours } from "./hours.ts";

/**
 * Limits of a target: how far an experiment, or a fault by hand, may go in it. What would go beyond is refused before
 * anything is injected.
 */
export interface Limits {
  /** Parts, and edges as "order -> payment", that no fault may act on. */
  readonly never: readonly string[];
  /** How many services faults may act on at first hand. */
  readonly maxServices?: number | undefined;
  /** Which share of an edge's calls, or connections, faults may take. */
  readonly maxShareRatio?: number | undefined;
  /** How long a fault may last. */
  readonly maxDurationMs?: number | undefined;
  /** Only then is anything broken; at any time when there are none. */
  readonly hours: readonly Hours[];
}

/** What limits may name. */
export interface LimitWords {
  readonly parts: readonly string[];
  readonly edges: readonly Edge[];
}

export function limitsSchema(words?: LimitWords) {
  return fields({
    never: z
      .array(partOrEdge(words), { error: "expected a list of parts and edges" })
      .min(1, { error: "expected at least one part or edge" })
      .default([]),
    "max-services": z
      .int({ error: "expected a number of services" })
      .min(1, { error: "expected at least one service" })
      .optional(),
    "max-share": ratio({ atLeast: 0.0001 }).optional(),
    "max-duration": duration({ atLeast: 1 }).optional(),
    hours: hoursListSchema.default([]),
  }).transform(
    ({
      never,
      "max-services": maxServices,
      "max-share": maxShareRatio,
      "max-duration": maxDurationMs,
      hours,
    }): Limits => ({ never, maxServices, maxShareRatio, maxDurationMs, hours }),
  );
}

const hoursExpected = 'expected hours such as "Mon-Fri 09:00-17:00 Europe/Berlin", or a list of such';

/** One time of the week, or several. */
const hoursListSchema = z
  .union([z.string(), z.array(z.string()).min(1)], { error: hoursExpected })
  .transform((given, context): readonly Hours[] =>
    [given].flat().flatMap((text, index) => {
      const { data, error } = hoursSchema.safeParse(text);
      for (const { message } of error?.issues ?? [])
        context.addIssue({ code: "custom", path: typeof given === "string" ? [] : [index], message });
      return data ?? [];
    }),
  );

function partOrEdge(words: LimitWords | undefined) {
  const expected = 'expected the name of a part, or an edge such as "order -> payment"';
  return z.string({ error: expected }).transform((given, context): string => {
    const edge = parseEdge(given);
    const name = edge === undefined ? given.trim() : formatEdge(edge);
    const known = edge === undefined ? words?.parts : words?.edges.map(formatEdge);
    if (known !== undefined && !known.includes(name))
      context.addIssue({
        code: "custom",
        message: unknownName(edge === undefined ? "part" : "edge", name, known),
      });
    return name;
  });
}
