import { z } from "zod";
import { alertConditionSchema } from "./alert-log.ts";
import { completionSchema, operationErrorSchema } from "./history.ts";
import { driverFiguresSchema, phaseNameSchema, touchedSchema } from "./journal.ts";
import { k6OutcomeSchema } from "./k6-outcome.ts";
import { logExcerptSchema } from "./log-excerpt.ts";
import { radiusSummarySchema } from "./radius-summary.ts";
import { traceComparisonSchema, traceFindingsSchema, traceBlameSchema } from "./trace-findings.ts";

/**
 * `summary.json`: all that a report shows, as data. Reports render this and nothing else, so every report of a run says
 * the same. Times named `atMs`, `startMs`, `endMs` are milliseconds since the start of the load (the run's zero), except
 * `startedAtMs` and `endedAtMs`, which are epoch milliseconds.
 */

/** Worst first; `aborted` and `not-recovered` outrank what the objectives say. */
export const verdictOutcomeSchema = z.enum(["held", "deviated", "inconclusive", "aborted", "not-recovered"]);
export type VerdictOutcome = z.output<typeof verdictOutcomeSchema>;

export const latencySchema = z.object({
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
});

export const phaseFiguresSchema = z.object({
  phase: phaseNameSchema,
  started: z.number().int(),
  ok: z.number().int(),
  fail: z.number().int(),
  unknown: z.number().int(),
  /** Of all that was sent, however it ended: a time-out is as slow as it was. Absent when nothing was sent. */
  latency: latencySchema.optional(),
});
export type PhaseFigures = Readonly<z.output<typeof phaseFiguresSchema>>;

const firingSchema = z.array(z.object({ startMs: z.number(), endMs: z.number() }));

/** What an alert did, by the rules of Prometheus. */
export const alertSummarySchema = z.object({
  /** The rules' file, by its name. */
  rules: z.string(),
  /** How many times shorter their windows are than those of the rules in production. */
  scale: z.number(),
  longestWindowMs: z.number(),
  firing: firingSchema,
  /** The same, had the baseline gone on before; absent where windows were full when the fault began. */
  firingWithPast: firingSchema.optional(),
  /** Of the first value of each condition; then one each `everyMs`. */
  startMs: z.number(),
  everyMs: z.number(),
  /** What it compares with a number, over time; none where it does otherwise. */
  conditions: z.array(alertConditionSchema),
});
export type AlertSummary = Readonly<z.output<typeof alertSummarySchema>>;

export const objectiveSchema = z.object({
  id: z.string(),
  /** Objectives of the hypothesis; and `threshold`, which a k6 script sets itself and k6 judges. */
  kind: z.enum(["success", "latency", "recovers", "consistent", "alert", "threshold"]),
  /** "checkout: at least 99 % succeed during fault" */
  title: z.string(),
  outcome: z.enum(["held", "deviated", "inconclusive"]),
  /** "97.1 % (95 % interval 95.9 % to 98.0 %), 34 of 1,180 failed" */
  measured: z.string(),
  /** Why it is so, in one sentence; for `inconclusive`, what would settle it. */
  why: z.string(),
  /** Trace ids that show it, worst first. */
  traceIds: z.array(z.string()),
  /** Of `recovers`: the system had still not recovered when the load ended. */
  neverRecovered: z.boolean().optional(),
  /** Of `alert`, where its rule was evaluated. */
  alert: alertSummarySchema.optional(),
});
export type Objective = Readonly<z.output<typeof objectiveSchema>>;

/** A call that a fault has acted on. */
export const affectedCallSchema = z.object({
  atMs: z.number(),
  /** Which of the calls that matched, from 1. */
  request: z.number().int(),
  /** "POST /orders/:id" */
  call: z.string(),
  traceId: z.string().optional(),
  /** "answered 503" */
  effect: z.string(),
});
export type AffectedCall = Readonly<z.output<typeof affectedCallSchema>>;

export const faultSummarySchema = z.object({
  id: z.string(),
  kind: z.string(),
  /** What is broken: an edge or a process, one of the two. */
  edge: z.string().optional(),
  process: z.string().optional(),
  /** "latency 3 s ± 500 ms on payment -> gateway-a" */
  title: z.string(),
  injectedMs: z.number().optional(),
  undoneMs: z.number().optional(),
  undoneBy: z.string().optional(),
  /** How long the undo took, in milliseconds. */
  undoDurationMs: z.number().optional(),
  /** What it takes: whole connections with their bytes, single calls, or a process. */
  actsOn: z.enum(["connections", "calls", "process"]),
  ...touchedSchema.shape,
  /** What a fault of a process did to it, as the runtime tells: "order was throttled in 183 of 200 periods". */
  evidence: z.string().optional(),
  /** Of a fault of calls: the first calls that it acted on, by the fault log. */
  affectedCalls: z.array(affectedCallSchema),
  /** Calls over the edge, or to the process, in the fault window, from the traces. */
  calls: z.number().int(),
  failedCalls: z.number().int(),
  /** Where its injector does not count what it touches: what shows that it did, or does not. */
  shownBy: z.string().optional(),
  /** Whether there is evidence that it touched anything. */
  bit: z.boolean(),
  undoError: z.string().optional(),
});
export type FaultSummary = Readonly<z.output<typeof faultSummarySchema>>;

export const edgeFiguresSchema = z.object({
  calls: z.number().int(),
  errors: z.number().int(),
  /** Absent where there are fewer calls than a percentile needs. */
  p50Ms: z.number().optional(),
  p95Ms: z.number().optional(),
});

export const edgeSummarySchema = z.object({
  edge: z.string(),
  caller: z.string(),
  callee: z.string(),
  /** What the callee is: decides how the graph draws it. */
  calleeKind: z.enum(["service", "store", "outside"]),
  /** Whether the target says that it may be called; seen it was, if not. */
  isDeclared: z.boolean(),
  /** Whether it is called only while another callee fails. */
  isStandby: z.boolean(),
  baseline: edgeFiguresSchema,
  fault: edgeFiguresSchema,
  isBroken: z.boolean(),
});
export type EdgeSummary = Readonly<z.output<typeof edgeSummarySchema>>;

export const anomalySchema = z.object({
  message: z.string(),
  /** The rows that prove it: `{ orderId: "…", amountCents: 1200 }`. */
  witness: z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))),
  traceId: z.string().optional(),
});
export type Anomaly = Readonly<z.output<typeof anomalySchema>>;

export const invariantSummarySchema = z.object({
  id: z.string(),
  title: z.string(),
  outcome: z.enum(["held", "violated", "unknown"]),
  /** How many rows it was checked on. */
  checked: z.number().int(),
  /** How many violations in all; `anomalies` holds the first ten. */
  violations: z.number().int(),
  anomalies: z.array(anomalySchema),
  /** For `unknown`: why it could not be checked. */
  why: z.string().optional(),
});
export type InvariantSummary = Readonly<z.output<typeof invariantSummarySchema>>;

export const waterfallSpanSchema = z.object({
  service: z.string(),
  name: z.string(),
  kind: z.string(),
  /** The edge it crosses, for client spans. */
  edge: z.string().optional(),
  depth: z.number().int(),
  /** From the trace's start. */
  startMs: z.number(),
  durationMs: z.number(),
  isError: z.boolean(),
  note: z.string().optional(),
  /** When it was what the root waited for: its stretches of the critical path, from the trace's start. */
  path: z.array(z.object({ startMs: z.number(), durationMs: z.number() })).optional(),
  /** What happened in it, by time, from the trace's start: "retry", "attempt 2, reason timeout". */
  events: z.array(z.object({ name: z.string(), atMs: z.number(), detail: z.string().optional() })).optional(),
});

export const traceSummarySchema = z.object({
  traceId: z.string(),
  /** Absent where no client asked: work that the system did later, or by itself. */
  journey: z.string().optional(),
  step: z.string(),
  completion: completionSchema,
  status: z.number().int().optional(),
  error: operationErrorSchema.optional(),
  startMs: z.number(),
  /** From the intended start, as the client saw it. */
  durationMs: z.number(),
  /** Why it was picked: "slowest checkout in the fault phase". */
  why: z.string(),
  /** False when the root or a named parent never arrived, or a service may have spans of it that it never sent. */
  isComplete: z.boolean(),
  /** What it lacks, in words. */
  whyIncomplete: z.string().optional(),
  spans: z.array(waterfallSpanSchema),
});
export type TraceSummary = Readonly<z.output<typeof traceSummarySchema>>;

export const seriesPointSchema = z.object({
  startMs: z.number(),
  started: z.number().int(),
  /** ok / (ok + fail + unknown) of what was intended in this bucket; absent when nothing was. */
  successRatio: z.number().optional(),
  p50Ms: z.number().optional(),
  p95Ms: z.number().optional(),
});

/** Of this file; a run folder of before is judged anew by `squall report RUN`. */
export const summaryVersion = 3;

export const summarySchema = z.object({
  schemaVersion: z.literal(summaryVersion, {
    error: `expected a summary of version ${summaryVersion}: squall report RUN makes it anew from the run folder`,
  }),
  run: z.object({
    id: z.string(),
    startedAtMs: z.number(),
    endedAtMs: z.number(),
    seed: z.string(),
    settings: z.record(z.string(), z.string()),
    command: z.string(),
    versions: z.object({ squall: z.string(), node: z.string(), platform: z.string() }),
    machine: z.object({ cpus: z.number().int(), memoryBytes: z.number() }),
    runtime: z.string(),
    /** Which proxy faults were put on, where it was not Squall's own: "Toxiproxy 2.12.0". */
    proxy: z.string().optional(),
    target: z.string(),
    /** Where the run went beyond the limits of its target: why, in the user's words, and which. */
    beyondLimits: z.object({ reason: z.string(), breaches: z.array(z.string()) }).optional(),
    file: z.string(),
    /** Base URL of the Jaeger that has the run's traces, where one was named. */
    jaeger: z.url({ protocol: /^https?$/ }).optional(),
    /** False when the journal ends without `run-ended`: the engine died. */
    isComplete: z.boolean(),
  }),
  title: z.string(),
  description: z.string().optional(),
  load: z.object({
    journey: z.string(),
    /** On average. */
    ratePerSecond: z.number(),
    /** How they come, in words. */
    arrivals: z.string().optional(),
    /** Journeys that should have started, and that really did. */
    intended: z.number().int(),
    sent: z.number().int(),
    ...driverFiguresSchema.shape,
    /** Where k6 made the load; latency is counted from the start of an iteration then. */
    k6: k6OutcomeSchema.optional(),
  }),
  phases: z.array(z.object({ phase: phaseNameSchema, startMs: z.number(), endMs: z.number() })),
  verdict: z.object({
    outcome: verdictOutcomeSchema,
    exitCode: z.number().int(),
    /** One sentence for someone at 3 a.m. */
    headline: z.string(),
    /** Each thing that decided it, worst first. */
    reasons: z.array(z.string()),
  }),
  objectives: z.array(objectiveSchema),
  faults: z.array(faultSummarySchema),
  /** How far it was to reach at worst, and how far it came; absent where no fault was planned. */
  radius: radiusSummarySchema.optional(),
  /** By journey, the whole mix first under the name of the load's journey. */
  journeys: z.array(
    z.object({
      journey: z.string(),
      phases: z.array(phaseFiguresSchema),
      errors: z.array(
        z.object({
          kind: z.string(),
          phase: phaseNameSchema,
          count: z.number().int(),
          example: z.string(),
          traceId: z.string().optional(),
        }),
      ),
    }),
  ),
  series: z.object({
    bucketMs: z.number(),
    journeys: z.array(z.object({ journey: z.string(), points: z.array(seriesPointSchema) })),
  }),
  edges: z.array(edgeSummarySchema),
  invariants: z.array(invariantSummarySchema),
  traces: z.array(traceSummarySchema),
  /** Which place explains what changed from the baseline to the fault; absent when the run came to one of them only. */
  blame: traceBlameSchema.optional(),
  /** The same step before and in the fault, those that were hurt most first; their traces are among `traces`. */
  comparisons: z.array(traceComparisonSchema),
  /** What traces tell of the whole run; absent when none arrived. */
  findings: traceFindingsSchema.optional(),
  /** What services logged in the traces that are shown, and what they began to log in the fault; absent without logs. */
  logs: logExcerptSchema.optional(),
  telemetry: z.object({
    spans: z.number().int(),
    traces: z.number().int(),
    incompleteTraces: z.number().int(),
    /** Of those, how many met a service as it was killed: the fault's own doing. */
    excusedTraces: z.number().int(),
    /** How many lack what, in words; one may lack several things. */
    lacks: z.array(z.object({ what: z.string(), traces: z.number().int() })),
    /** Operations of the baseline of which not one span arrived. */
    untracedOperations: z.number().int(),
  }),
  /** What happened when: phases, faults, guards, interrupts. */
  timeline: z.array(z.object({ atMs: z.number(), event: z.string(), text: z.string() })),
});
export type Summary = Readonly<z.output<typeof summarySchema>>;
