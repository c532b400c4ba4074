import { z } from "zod";
import { duration, fields, nameOf } from "../base/fields.ts";
import { k6LoadSchema } from "./k6-load.ts";
import { arrivalsSchema, spacingSchema, steadyRate, type ArrivalShape, type Spacing } from "./arrivals.ts";

/**
 * The schema of `load: {...}`, by `engine`: Squall's own driver, unless it says k6. With `journeys`, its journey must be
 * one of them.
 */
export function loadSchema(journeys: readonly string[] | undefined, hasFile?: (path: string) => boolean) {
  return z.discriminatedUnion("engine", [squallLoadSchema(journeys), k6LoadSchema(hasFile)], {
    error: (issue) => (issue.code === "invalid_union" ? "expected squall (the default) or k6" : undefined),
  });
}

function squallLoadSchema(journeys: readonly string[] | undefined) {
  return fields({
    engine: z.literal("squall").optional(),
    journey: nameOf("journey", journeys),
    rate: steadyRate().optional(),
    arrivals: arrivalsSchema.optional(),
    spacing: spacingSchema.optional(),
    "max-connections": z
      .int({ error: "expected a whole number" })
      .min(1, { error: "expected at least 1" })
      .max(10_000, { error: "expected at most 10000" })
      .default(256),
    timeout: duration({ atLeast: 1, atMost: 600_000 }).default(10_000),
  }).transform((given, context): LoadSpec => {
    const { journey, "max-connections": maxConnections, timeout: timeoutMs } = given;
    return { engine: "squall", journey, arrivals: shapeOf(given, context), maxConnections, timeoutMs };
  });
}

/** The load of an experiment whose journeys Squall takes itself. */
export interface LoadSpec {
  readonly engine: "squall";
  /** A journey of the target, or a mix of several. */
  readonly journey: string;
  readonly arrivals: ArrivalShape;
  readonly maxConnections: number;
  /** A request without a whole answer by then is `unknown`. */
  readonly timeoutMs: number;
}

interface GivenArrivals {
  readonly rate?: number | undefined;
  readonly arrivals?: z.output<typeof arrivalsSchema> | undefined;
  readonly spacing?: Spacing | undefined;
}

/** The shape that the fields describe; what they do not allow together becomes an issue. */
function shapeOf(
  { rate: ratePerSecond, arrivals, spacing }: GivenArrivals,
  context: z.core.$RefinementCtx,
): ArrivalShape {
  const refuse = (path: string, message: string): never => {
    context.addIssue({ code: "custom", path: [path], message });
    return z.NEVER;
  };
  if (ratePerSecond !== undefined) {
    if (arrivals !== undefined) refuse("arrivals", "there is a rate already: leave out one of the two");
    return { kind: spacing === "even" ? "constant" : "poisson", ratePerSecond };
  }
  if (arrivals === undefined)
    return refuse("rate", 'expected a rate such as "60/s", or arrivals of another shape');
  if (arrivals.kind !== "replay") return { ...arrivals, spacing: spacing ?? "poisson" };
  if (spacing !== undefined) refuse("spacing", "spacing means nothing beside recorded arrivals");
  return arrivals;
}
