import { z } from "zod";
import type { Edge } from "../base/edge.ts";
import {
  byteRate,
  duration,
  edge,
  fields,
  nameOf,
  oneKeyOf,
  rate,
  ratio,
  size,
  text,
} from "../base/fields.ts";

/**
 * An experiment: one YAML file that says what load to put on a target, what to break and what must stay true. Here is
 * its schema: what the user writes (kebab-case, quantities with units) and what code holds (numbers that name theirs).
 *
 *   experiment.yaml ─read→ document ─experimentSchema(words)→ Experiment
 */

/** What an experiment may name, as its target defines it. */
export interface ExperimentWords {
  readonly edges: readonly Edge[];
  /** Journeys and the mixes made of them: a mix is named like a journey and lists what it takes. */
  readonly journeys: readonly string[];
  readonly mixes: Readonly<Record<string, readonly string[]>>;
  readonly invariants: readonly string[];
  readonly settings: Readonly<Record<string, { readonly values?: readonly string[] | undefined }>>;
}

const hourMs = 3_600_000;

/** The schema of an experiment; with `words`, its names must be among them. */
export function experimentSchema(words?: ExperimentWords) {
  const journeyNames = words && [...words.journeys, ...Object.keys(words.mixes)];
  const journey = nameOf("journey", journeyNames);
  const during = z
    .enum(["baseline", "fault", "recovery"], { error: "expected baseline, fault or recovery" })
    .default("fault");
  const edgeField = edge(words?.edges);
  const stream = z
    .enum(["downstream", "upstream"], { error: "expected downstream or upstream" })
    .default("downstream");
  const toxicity = ratio({ atLeast: 0.0001 }).default(1);
  const onLink = { edge: edgeField, stream, toxicity };

  const fault = oneKeyOf({
    latency: fields({
      ...onLink,
      delay: duration({ atLeast: 1, atMost: hourMs }),
      jitter: duration({ atMost: hourMs }).optional(),
    }).transform(({ delay, jitter = 0, toxicity, ...rest }) => ({
      kind: "latency" as const,
      ...rest,
      toxicityRatio: toxicity,
      delayMs: delay,
      jitterMs: jitter,
    })),
    bandwidth: fields({ ...onLink, rate: byteRate({ atLeast: 1_000 }) }).transform(
      ({ rate, toxicity, ...rest }) => ({
        kind: "bandwidth" as const,
        ...rest,
        toxicityRatio: toxicity,
        rateBytesPerSecond: rate,
      }),
    ),
    timeout: fields({ ...onLink, after: duration({ atMost: hourMs }).optional() }).transform(
      ({ after = 0, toxicity, ...rest }) => ({
        kind: "timeout" as const,
        ...rest,
        toxicityRatio: toxicity,
        afterMs: after,
      }),
    ),
    "reset-peer": fields({ ...onLink, after: duration({ atMost: hourMs }).optional() }).transform(
      ({ after = 0, toxicity, ...rest }) => ({
        kind: "reset-peer" as const,
        ...rest,
        toxicityRatio: toxicity,
        afterMs: after,
      }),
    ),
    slicer: fields({
      ...onLink,
      "average-size": size({ atLeast: 1 }),
      "size-variation": size().optional(),
      delay: duration({ atMost: 60_000 }).optional(),
    }).transform(
      ({
        "average-size": averageSize,
        "size-variation": sizeVariation = 0,
        delay = 0,
        toxicity,
        ...rest
      }) => ({
        kind: "slicer" as const,
        ...rest,
        toxicityRatio: toxicity,
        averageSizeBytes: averageSize,
        sizeVariationBytes: sizeVariation,
        delayMs: delay,
      }),
    ),
    "limit-data": fields({ ...onLink, size: size() }).transform(({ size, toxicity, ...rest }) => ({
      kind: "limit-data" as const,
      ...rest,
      toxicityRatio: toxicity,
      sizeBytes: size,
    })),
    "slow-close": fields({ ...onLink, delay: duration({ atLeast: 1, atMost: hourMs }) }).transform(
      ({ delay, toxicity, ...rest }) => ({
        kind: "slow-close" as const,
        ...rest,
        toxicityRatio: toxicity,
        delayMs: delay,
      }),
    ),
    down: fields({ edge: edgeField }).transform((down) => ({ kind: "down" as const, ...down })),
  });

  const atMost = duration({ atLeast: 1, atMost: hourMs }).optional();
  const objective = oneKeyOf({
    success: fields({ journey, "at-least": ratio(), during }).transform(
      ({ journey, "at-least": atLeastRatio, during }) => ({
        kind: "success" as const,
        journey,
        atLeastRatio,
        during,
      }),
    ),
    latency: fields({
      journey,
      "p50-at-most": atMost,
      "p95-at-most": atMost,
      "p99-at-most": atMost,
      during,
    }).transform(({ journey, during, ...limits }, context) => {
      const given = ([50, 95, 99] as const).flatMap((percentile) => {
        const atMostMs = limits[`p${percentile}-at-most`];
        return atMostMs === undefined ? [] : [{ percentile, atMostMs }];
      });
      if (given[0] === undefined || given.length > 1) {
        const message = "expected exactly one of p50-at-most, p95-at-most, p99-at-most";
        context.addIssue({ code: "custom", message });
        return z.NEVER;
      }
      return { kind: "latency" as const, journey, ...given[0], during };
    }),
    recovers: fields({ within: duration({ atLeast: 1, atMost: hourMs }) }).transform(({ within }) => ({
      kind: "recovers" as const,
      withinMs: within,
    })),
    consistent: fields({
      invariants: z
        .union([
          z.literal("all"),
          z
            .array(nameOf("invariant", words?.invariants))
            .min(1, { error: "expected at least one invariant" }),
        ])
        .default("all"),
      "settled-within": duration({ atMost: hourMs }).default(20_000),
    }).transform(({ invariants, "settled-within": settledWithinMs }) => ({
      kind: "consistent" as const,
      invariants,
      settledWithinMs,
    })),
  });

  const guard = oneKeyOf({
    "abort-when": fields({
      journey,
      "success-below": ratio({ atLeast: 0.0001 }),
      for: duration({ atLeast: 1_000, atMost: hourMs }),
    }).transform(({ journey, "success-below": successBelowRatio, for: forMs }) => ({
      kind: "abort-when" as const,
      journey,
      successBelowRatio,
      forMs,
    })),
  });

  return fields({
    title: text("a title"),
    description: text("a text").optional(),
    target: text("the path of a target, relative to this file"),
    settings: z.record(z.string(), z.string({ error: "expected a text" })).default({}),
    load: fields({
      journey,
      rate: rate({ atLeast: 0.01, atMost: 10_000 }),
      "max-connections": z
        .int({ error: "expected a whole number" })
        .min(1, { error: "expected at least 1" })
        .max(10_000, { error: "expected at most 10000" })
        .default(256),
      timeout: duration({ atLeast: 1, atMost: 600_000 }).default(10_000),
    }).transform(({ journey, rate, "max-connections": maxConnections, timeout }) => ({
      journey,
      ratePerSecond: rate,
      maxConnections,
      timeoutMs: timeout,
    })),
    phases: fields({
      warmup: duration({ atMost: hourMs }).default(5_000),
      baseline: duration({ atLeast: 1_000, atMost: hourMs }).default(15_000),
      fault: duration({ atLeast: 1_000, atMost: hourMs }).default(20_000),
      recovery: duration({ atMost: hourMs }).default(15_000),
    })
      .prefault({})
      .transform(({ warmup, baseline, fault, recovery }) => ({
        warmupMs: warmup,
        baselineMs: baseline,
        faultMs: fault,
        recoveryMs: recovery,
      })),
    faults: z
      .array(fault, { error: "expected a list of faults" })
      .min(1, { error: "expected at least one fault" }),
    hypothesis: z
      .array(objective, { error: "expected a list of objectives" })
      .min(1, { error: "expected at least one objective" }),
    guards: z.array(guard, { error: "expected a list of guards" }).default([]),
  });
}

type Parsed = z.output<ReturnType<typeof experimentSchema>>;

/** One way of breaking one edge. Narrow it by `kind`; never add a flag to tell two faults apart. */
export type Fault = Readonly<Parsed["faults"][number]>;

/** One promise of the steady-state hypothesis, to be judged when the run is over. */
export type ObjectiveSpec = Readonly<Parsed["hypothesis"][number]>;

/** A condition that aborts the run. */
export type Guard = Readonly<Parsed["guards"][number]>;

export interface Experiment extends Readonly<Omit<Parsed, "target" | "faults" | "hypothesis" | "guards">> {
  /** Absolute path of the experiment's file. */
  readonly file: string;
  /** Absolute path of the target's file. */
  readonly targetFile: string;
  readonly faults: readonly Fault[];
  readonly hypothesis: readonly ObjectiveSpec[];
  readonly guards: readonly Guard[];
  /** The document as written: what the run folder keeps, and `parseExperiment` reads again. */
  readonly document: unknown;
}
