import type { z } from "zod";
import { duration, fields, nameOf, oneKeyOf, ratio } from "../base/fields.ts";
import { formatDuration, formatRatio } from "../base/units.ts";

/** The schema of one guard, `abort-when: {...}`; with `journeys`, its journey must be one of them. */
export function guardSchema(journeys?: readonly string[]) {
  return oneKeyOf({
    "abort-when": fields({
      journey: nameOf("journey", journeys),
      "success-below": ratio({ atLeast: 0.0001 }),
      for: duration({ atLeast: 1_000, atMost: 3_600_000 }),
    }).transform(({ journey, "success-below": successBelowRatio, for: forMs }) => ({
      kind: "abort-when" as const,
      journey,
      successBelowRatio,
      forMs,
    })),
  });
}

/** A condition that aborts the run. */
export type Guard = Readonly<z.output<ReturnType<typeof guardSchema>>>;

/** "abort when fewer than 50 % of checkout succeed for 5 s" */
export function describeGuard(guard: Guard): string {
  return `abort when fewer than ${formatRatio(guard.successBelowRatio)} of ${guard.journey} succeed for ${formatDuration(guard.forMs)}`;
}
