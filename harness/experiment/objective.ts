import { z } from "zod";
import { duration, fields, nameOf, oneKeyOf, ratio } from "../base/fields.ts";
import { formatDuration, formatRatio } from "../base/units.ts";
import { alertExpectationsSchema, describeAlert } from "./alert-expectation.ts";

/** The objectives of the steady-state hypothesis: each a promise that is judged when the run is over. */

const longestMs = 3_600_000;

export interface ObjectiveWords {
  readonly journeys: readonly string[];
  readonly invariants: readonly string[];
  /** The alerts of the target's rules; read when an objective names one. */
  alerts(): readonly string[];
}

/** The schema of one objective, `success: {...}`; with `words`, its names must be among them. */
export function objectiveSchema(words?: ObjectiveWords) {
  const scope = {
    journey: nameOf("journey", words?.journeys),
    during: z
      .enum(["baseline", "fault", "recovery"], { error: "expected baseline, fault or recovery" })
      .default("fault"),
  };
  const atMost = duration({ atLeast: 1, atMost: longestMs }).optional();
  return oneKeyOf({
    success: fields({ ...scope, "at-least": ratio() }).transform(({ "at-least": atLeastRatio, ...rest }) => ({
      kind: "success" as const,
      ...rest,
      atLeastRatio,
    })),
    latency: fields({
      ...scope,
      "p50-at-most": atMost,
      "p95-at-most": atMost,
      "p99-at-most": atMost,
    }).transform(({ journey, during, ...limits }, context) => {
      if (context.issues.length > 0) return z.NEVER;
      const [limit, ...others] = ([50, 95, 99] as const).flatMap((percentile) => {
        const atMostMs = limits[`p${percentile}-at-most`];
        return atMostMs === undefined ? [] : [{ percentile, atMostMs }];
      });
      if (limit === undefined || others.length > 0) {
        const message = "expected exactly one of p50-at-most, p95-at-most, p99-at-most";
        context.addIssue({ code: "custom", message });
        return z.NEVER;
      }
      return { kind: "latency" as const, journey, during, ...limit };
    }),
    recovers: fields({ within: duration({ atLeast: 1, atMost: longestMs }) }).transform(({ within }) => ({
      kind: "recovers" as const,
      withinMs: within,
    })),
    consistent: fields({
      invariants: z
        .union(
          [
            z.literal("all"),
            z
              .array(nameOf("invariant", words?.invariants))
              .min(1, { error: "expected at least one invariant" }),
          ],
          { error: "expected all, or a list of invariants" },
        )
        .default("all"),
      "settled-within": duration({ atMost: longestMs }).default(20_000),
    }).transform(({ invariants, "settled-within": settledWithinMs }) => ({
      kind: "consistent" as const,
      invariants,
      settledWithinMs,
    })),
    alerts: alertExpectationsSchema(words && (() => words.alerts())).transform((alerts) => ({
      kind: "alerts" as const,
      alerts,
    })),
  });
}

/** What the experiment promises; how it turned out is the summary's `Objective`. */
export type ObjectiveSpec = Readonly<z.output<ReturnType<typeof objectiveSchema>>>;

/** "checkout: at least 99 % succeed during fault" */
export function describeObjective(objective: ObjectiveSpec): string {
  switch (objective.kind) {
    case "success":
      return `${objective.journey}: at least ${formatRatio(objective.atLeastRatio)} succeed during ${objective.during}`;
    case "latency":
      return `${objective.journey}: p${objective.percentile} at most ${formatDuration(objective.atMostMs)} during ${objective.during}`;
    case "recovers":
      return `recovers within ${formatDuration(objective.withinMs)}`;
    case "consistent": {
      const which = objective.invariants === "all" ? "all invariants" : objective.invariants.join(", ");
      return `consistent: ${which}, settled within ${formatDuration(objective.settledWithinMs)}`;
    }
    case "alerts":
      return objective.alerts.map(describeAlert).join("; ");
  }
}
