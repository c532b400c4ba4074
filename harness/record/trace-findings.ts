import { z } from "zod";
import { phaseNameSchema } from "./journal.ts";

/**
 * What the traces of a run tell, as `summary.json` keeps it: the findings of `harness/traces`, at most so many of each kind,
 * each with how often it was before and in the fault, and a trace that shows it.
 */

const count = z.number().int();

/** How often in the baseline and in the fault: in traces, or in calls where the finding counts calls. */
const duringSchema = z.object({ baseline: count, fault: count });
export type During = Readonly<z.output<typeof duringSchema>>;

const found = { during: duringSchema, traceId: z.string() };

export const traceFindingsSchema = z.object({
  /** Edges that were called, and that the target does not declare. */
  undeclared: z.array(z.object({ edge: z.string(), calls: count, ...found })),
  /** Edges that the target declares, are no standby, and were not called in the whole run. */
  neverSeen: z.array(z.string()),
  /** Failures below a root that succeeded, by how they were dealt with; `none` where nothing tells. */
  swallowedErrors: z.array(
    z.object({
      operation: z.string(),
      failed: z.string(),
      dealtWith: z.enum(["none", "fallback", "failed-over", "retried", "hedged"]),
      traces: count,
      ...found,
    }),
  ),
  timeoutInversions: z.array(
    z.object({
      edge: z.string(),
      calls: count,
      ofCalls: count,
      gaveUpAfterMs: z.number(),
      wentOnMs: z.number(),
      ...found,
    }),
  ),
  /** By edge: calls that were asked for, and calls that retries made of them. */
  retries: z.array(
    z.object({
      edge: z.string(),
      calls: count,
      firstCalls: count,
      retries: count,
      amplification: z.number(),
      /** Of the request in which it was worst. */
      worstAmplification: z.number(),
      ...found,
    }),
  ),
  nPlusOne: z.array(
    z.object({
      operation: z.string(),
      edge: z.string(),
      shape: z.string(),
      parents: count,
      traces: count,
      mostCalls: count,
      meanMs: z.number(),
      ...found,
    }),
  ),
  fallbacks: z.array(
    z.object({ fallback: z.string(), operation: z.string(), traces: count, ofTraces: count, ...found }),
  ),
  sequentialCalls: z.array(
    z.object({
      operation: z.string(),
      edges: z.array(z.string()),
      traces: count,
      sequentialMs: z.number(),
      parallelMs: z.number(),
      ...found,
    }),
  ),
  clockShifts: z.array(
    z.object({ caller: z.string(), callee: z.string(), spans: count, largestMs: z.number() }),
  ),
  /** Findings that are not here because there were too many of their kind. */
  leftOut: count,
});
export type TraceFindings = Readonly<z.output<typeof traceFindingsSchema>>;

const ofCountSchema = z.object({ failed: count, of: count });

export const traceBlameSchema = z.object({
  /** Complete traces that were compared, of operations that the baseline has enough of. */
  traces: duringSchema,
  /** How long one took on the mean, by the fault's mix of operations. */
  meanMs: z.object({ baseline: z.number(), fault: z.number() }),
  /** The largest share of the change first; empty when nothing stands out. */
  blamed: z.array(
    z.object({
      /** "payment -> gateway-a", or a service. */
      place: z.string(),
      kind: z.enum(["edge", "service"]),
      time: z
        .object({ baselineMs: z.number(), faultMs: z.number(), share: z.number(), traces: duringSchema })
        .optional(),
      errors: z
        .object({ baseline: ofCountSchema, fault: ofCountSchema, share: z.number(), traces: count })
        .optional(),
      traceIds: z.array(z.string()),
    }),
  ),
  /** Called only in the fault, so that there is nothing to compare them with. */
  begun: z.array(z.object({ place: z.string(), traces: count })),
  /** Places with too few traces to say anything of their time. */
  untested: z.array(z.string()),
  /** By how much all places took longer alike: the machine's doing. */
  growth: z.number(),
});
export type TraceBlame = Readonly<z.output<typeof traceBlameSchema>>;

const comparedSchema = z.object({
  phase: phaseNameSchema,
  traceId: z.string(),
  /** Of the step in that phase: how many, how many of them did not end well, and how long they took. */
  operations: count,
  failed: count,
  medianMs: z.number(),
});

/** One step of a journey, as it usually was and as it was at its worst. */
export const traceComparisonSchema = z.object({
  journey: z.string(),
  step: z.string(),
  before: comparedSchema,
  during: comparedSchema,
});
export type TraceComparison = Readonly<z.output<typeof traceComparisonSchema>>;
