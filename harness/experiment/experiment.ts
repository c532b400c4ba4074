import { z } from "zod";
import { duration, fields, text, unknownName } from "../base/fields.ts";
import { formatDuration } from "../base/units.ts";
import type { TargetEdge } from "../target/target-edge.ts";
import { arrivalProblems } from "./arrivals.ts";
import { faultProblems } from "./fault-problem.ts";
import { faultSchema, type Fault } from "./fault.ts";
import { guardSchema, type Guard } from "./guard.ts";
import type { K6Load } from "./k6-load.ts";
import { loadSchema, type LoadSpec } from "./load.ts";
import { objectiveSchema, type ObjectiveSpec } from "./objective.ts";

export type { Fault } from "./fault.ts";
export type { Guard } from "./guard.ts";
export type { ObjectiveSpec } from "./objective.ts";

/**
 * An experiment: one YAML file that says what load to put on a target, what to break and what must stay true. Here is
 * its schema: what the user writes (kebab-case, quantities with units) and what code holds (numbers that name theirs).
 *
 *   experiment.yaml ─read→ document ─experimentSchema(words)→ Experiment
 */

/** What an experiment may name, as its target defines it. */
export interface ExperimentWords {
  readonly edges: readonly TargetEdge[];
  /** What a fault of a process may name: the services and the stores. */
  readonly processes: readonly string[];
  readonly services: readonly string[];
  readonly journeys: readonly string[];
  /** By mix: the journeys it takes. A mix may stand where a journey may. */
  readonly mixes: Readonly<Record<string, readonly string[]>>;
  readonly invariants: readonly string[];
  /** Of the target's rules; read when an experiment names one. */
  alerts(): readonly string[];
  readonly settings: Readonly<Record<string, { readonly values?: readonly string[] | undefined }>>;
  /** Whether a file exists, by its path relative to the experiment's folder. */
  hasFile?(path: string): boolean;
}

const longestMs = 3_600_000;

/** The schema of an experiment; with `words`, its names must be among them. */
export function experimentSchema(words?: ExperimentWords) {
  const journeys = words && [...words.journeys, ...Object.keys(words.mixes)];
  return fields({
    title: text("a title"),
    description: text("a text").optional(),
    target: text("the path of a target, relative to this file"),
    settings: settingsSchema(words?.settings).default({}),
    load: loadSchema(journeys, words && ((path) => words.hasFile?.(path) !== false)),
    phases: phasesSchema.prefault({}),
    faults: z
      .array(faultSchema(words?.edges, words), { error: "expected a list of faults" })
      .min(1, { error: "expected at least one fault" })
      .superRefine((faults, context) => {
        if (context.issues.length > 0) return;
        for (const { path, message } of faultProblems(faults))
          context.addIssue({ code: "custom", path: [...path], message });
      }),
    hypothesis: z
      .array(objectiveSchema(words && { ...words, journeys: journeys ?? [] }), {
        error: "expected a list of objectives",
      })
      .min(1, { error: "expected at least one objective" }),
    guards: z.array(guardSchema(journeys), { error: "expected a list of guards" }).default([]),
  }).superRefine((experiment, context) => {
    if (context.issues.length > 0) return; // only of what is right by itself
    for (const { path, message } of contradictions(experiment, words))
      context.addIssue({ code: "custom", path: [...path], message });
  });
}

const phasesSchema = fields({
  warmup: duration({ atMost: longestMs }).default(5_000),
  baseline: duration({ atLeast: 1_000, atMost: longestMs }).default(15_000),
  fault: duration({ atLeast: 1_000, atMost: longestMs }).default(20_000),
  recovery: duration({ atMost: longestMs }).default(15_000),
}).transform(({ warmup, baseline, fault, recovery }) => ({
  warmupMs: warmup,
  baselineMs: baseline,
  faultMs: fault,
  recoveryMs: recovery,
}));

function settingsSchema(known: ExperimentWords["settings"] | undefined) {
  const value = z.string({ error: "expected a text" });
  return z
    .record(z.string(), value, { error: "expected a mapping of settings" })
    .superRefine((settings, context) => {
      if (known === undefined) return;
      for (const [name, given] of Object.entries(settings)) {
        const message = settingProblem(known, name, given);
        if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
      }
    });
}

/** Why a target cannot be given a setting; `undefined` when it can. */
export function settingProblem(
  known: ExperimentWords["settings"],
  name: string,
  value: string,
): string | undefined {
  const setting = Object.hasOwn(known, name) ? known[name] : undefined;
  if (setting === undefined) return unknownName("setting", name, Object.keys(known));
  const { values } = setting;
  return values === undefined || values.includes(value)
    ? undefined
    : unknownName(`value of ${name}`, value, values);
}

type Given = Pick<Experiment, "load" | "faults" | "hypothesis" | "guards" | "phases">;

/** What each part of an experiment allows and the parts together do not. */
function* contradictions(
  { load, faults, hypothesis, guards, phases }: Given,
  words: ExperimentWords | undefined,
): Generator<{ readonly path: readonly (string | number)[]; readonly message: string }> {
  for (const { path, message } of arrivalProblems(load.arrivals, durationMsOf(phases)))
    yield { path: ["load", "arrivals", ...path], message };
  const taken = [load.journey, ...(words?.mixes[load.journey] ?? [])];
  const isTaken = (journey: string): boolean => words === undefined || taken.includes(journey);
  const notTaken = `expected a journey that the load takes (${taken.join(", ")})`;
  const phase = `the fault phase, which lasts ${formatDuration(phases.faultMs)}`;
  for (const [index, { kind, atMs = 0, forMs = 0 }] of faults.entries()) {
    if (atMs >= phases.faultMs)
      yield { path: ["faults", index, kind, "at"], message: `expected a moment within ${phase}` };
    else if (atMs + forMs > phases.faultMs)
      yield { path: ["faults", index, kind, "for"], message: `expected an end within ${phase}` };
  }
  for (const [index, objective] of hypothesis.entries()) {
    const path = ["hypothesis", index, objective.kind];
    switch (objective.kind) {
      case "success":
      case "latency":
        if (!isTaken(objective.journey)) yield { path: [...path, "journey"], message: notTaken };
        if (objective.during === "recovery" && phases.recoveryMs === 0)
          yield { path: [...path, "during"], message: "there is no recovery phase: it lasts 0 s" };
        break;
      case "recovers":
        if (objective.withinMs > phases.recoveryMs) {
          const limit = formatDuration(phases.recoveryMs);
          yield { path: [...path, "within"], message: `expected at most the recovery phase, ${limit}` };
        }
        break;
      case "consistent":
        if (words?.invariants.length === 0) yield { path, message: "the target has no invariants" };
        break;
      case "alerts":
        for (const one of objective.alerts)
          if (one.expects === "fires" && one.withinMs > phases.faultMs + phases.recoveryMs) {
            const limit = formatDuration(phases.faultMs + phases.recoveryMs);
            const message = `expected at most the fault and the recovery phase together, ${limit}`;
            yield { path: [...path, one.alert], message };
          }
    }
  }
  for (const [index, { kind, journey }] of guards.entries())
    if (!isTaken(journey)) yield { path: ["guards", index, kind, "journey"], message: notTaken };
}

/** How long the load lasts: all phases together. */
export function durationMsOf({ warmupMs, baselineMs, faultMs, recoveryMs }: Experiment["phases"]): number {
  return warmupMs + baselineMs + faultMs + recoveryMs;
}

export interface Experiment {
  /** Absolute path of the experiment's file. */
  readonly file: string;
  readonly title: string;
  readonly description?: string | undefined;
  /** Absolute path of the target's file. */
  readonly targetFile: string;
  /** Values this experiment gives to settings of the target. */
  readonly settings: Readonly<Record<string, string>>;
  /** The path of a k6 script is absolute, and so is that of recorded arrivals. */
  readonly load: LoadSpec | K6Load;
  readonly phases: Readonly<z.output<typeof phasesSchema>>;
  readonly faults: readonly Fault[];
  readonly hypothesis: readonly ObjectiveSpec[];
  readonly guards: readonly Guard[];
  /** The document as written: what the run folder keeps, and `parseExperiment` reads again. */
  readonly document: unknown;
}
