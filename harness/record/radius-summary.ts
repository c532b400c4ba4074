import { z } from "zod";

/** How far a run was to reach at worst, as `squall validate` tells it before, beside how far it came. */

/** Parts of the target that are hit: an edge by its caller's calls, a process by what was done to it. */
const hitSchema = z.object({
  /** "payment -> gateway-a" */
  edges: z.array(z.string()).readonly(),
  services: z.array(z.string()).readonly(),
  stores: z.array(z.string()).readonly(),
  outside: z.array(z.string()).readonly(),
});

export const plannedRadiusSchema = z.object({
  ...hitSchema.shape,
  processes: z.array(z.object({ process: z.string(), kinds: z.array(z.string()).readonly() })).readonly(),
  /** Services that may feel it, and those that cannot by way of a call that waits for an answer. */
  reached: z.array(z.string()).readonly(),
  untouched: z.array(z.string()).readonly(),
  /** Of the calls, or connections, of any one edge. */
  largestShareRatio: z.number(),
  /** Which share of what clients ask can be met; mostly unknown before. */
  traffic: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("known"), of: z.enum(["calls", "connections"]), ratio: z.number() }),
    z.object({ kind: z.literal("unknown"), why: z.string() }),
  ]),
  longestFaultMs: z.number(),
  mostCalls: z.number().int().optional(),
  /** Journeys that were to begin while something is broken; absent where the load was a recording. */
  journeys: z.number().int().optional(),
});
export type PlannedRadius = Readonly<z.output<typeof plannedRadiusSchema>>;

export const touchedRadiusSchema = z.object({
  /** By the faults that are shown to have been felt. */
  ...hitSchema.shape,
  processes: z.array(z.string()).readonly(),
  /**
   * Services of whose own calls a larger share failed than in the baseline, and how many while something was broken. Facts,
   * not a test: one call may be chance.
   */
  failing: z
    .array(z.object({ service: z.string(), calls: z.number().int(), failed: z.number().int() }))
    .readonly(),
  /** Of what clients asked while something was broken: of which came a trace, and whose trace came to what was broken. */
  requests: z.object({ traced: z.number().int(), met: z.number().int() }),
  /** Journeys that were due while something was broken. */
  journeys: z.number().int(),
  /** Calls that faults of calls acted on. */
  calls: z.number().int().optional(),
  /** Absent where nothing was injected. */
  longestFaultMs: z.number().optional(),
});
export type TouchedRadius = Readonly<z.output<typeof touchedRadiusSchema>>;

export const radiusSummarySchema = z.object({
  planned: plannedRadiusSchema,
  touched: touchedRadiusSchema,
});
export type RadiusSummary = Readonly<z.output<typeof radiusSummarySchema>>;
