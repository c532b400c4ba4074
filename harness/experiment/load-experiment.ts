import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { SquallError } from "../base/errors.ts";
import {
  InvalidDocumentError,
  checkDocument,
  problemsIn,
  plainDocument,
  readYamlDocument,
  type Problem,
  type YamlDocument,
} from "../base/yaml-document.ts";
import { loadAlertRules } from "../target/alert-rules.ts";
import { loadTarget } from "../target/load-target.ts";
import { targetEdges } from "../target/target-edge.ts";
import type { Target } from "../target/target.ts";
import { experimentSchema, type Experiment, type ExperimentWords } from "./experiment.ts";
import { k6Names } from "./k6-load.ts";

/**
 * Reads an experiment and the target that it names, and checks the one against the other.
 * @param file as the user named it; relative to the working folder
 * @throws {SQUALL_FILE} when the file is missing
 * @throws {SQUALL_INVALID_DOCUMENT} with every problem and its line: the target's when it is invalid itself, else the
 *   experiment's
 */
export function loadExperiment(file: string): { readonly experiment: Experiment; readonly target: Target } {
  const document = readYamlDocument(file, "experiment");
  const target = targetNamedBy(document);
  const hasFile = (path: string): boolean => existsSync(resolve(dirname(file), path));
  const words = { ...wordsOf(target), ...k6Words(document.value), hasFile };
  return { experiment: experimentOf(document, words), target };
}

/**
 * An experiment from its document (`Experiment.document`) alone, such as one kept in a run folder: touches no disk.
 * @param file absolute path that the document came from
 * @throws {SQUALL_INVALID_DOCUMENT}
 */
export function parseExperiment(document: unknown, file: string): Experiment {
  return experimentOf(plainDocument(document, file, "experiment"), undefined);
}

/** What experiments on a target may name. */
export function wordsOf(target: Target): ExperimentWords {
  const { names, mixes } = target.journeys;
  return {
    edges: targetEdges(target),
    processes: [...Object.keys(target.services), ...Object.keys(target.stores)],
    services: Object.keys(target.services),
    journeys: names,
    mixes: Object.fromEntries(Object.entries(mixes).map(([mix, weights]) => [mix, Object.keys(weights)])),
    invariants: target.invariants.map(({ id }) => id),
    settings: target.settings,
    alerts: () => (target.alerts === undefined ? [] : alertNames(target.alerts.rules)),
  };
}

/** Each once: a page and a ticket may have one name. */
function alertNames(rules: string): readonly string[] {
  return [...new Set(loadAlertRules(rules).alerts.map(({ name }) => name))];
}

/** Where k6 is the load, journeys are what its script calls so. */
function k6Words(document: unknown): Pick<ExperimentWords, "journeys" | "mixes"> | undefined {
  const names = k6Names(document);
  return names && { journeys: names.journeys, mixes: { [names.whole]: names.journeys } };
}

function experimentOf(document: YamlDocument, words: ExperimentWords | undefined): Experiment {
  const parsed = checkDocument(document, experimentSchema(words));
  const file = resolve(document.file);
  const { target, load, ...rest } = parsed;
  const beside = (path: string): string => resolve(dirname(file), path);
  return {
    ...rest,
    load: withPaths(load, beside),
    file,
    targetFile: beside(target),
    document: document.value,
  };
}

/** Paths in an experiment are relative to its file. */
function withPaths(load: Experiment["load"], beside: (path: string) => string): Experiment["load"] {
  if (load.engine === "k6") return { ...load, script: beside(load.script) };
  const { arrivals } = load;
  return arrivals.kind === "replay"
    ? { ...load, arrivals: { ...arrivals, file: beside(arrivals.file) } }
    : load;
}

/** The target an experiment names; one that is missing is a problem of the experiment, told with all its others. */
function targetNamedBy(document: YamlDocument): Target {
  const { value } = document;
  const named = typeof value === "object" && value !== null && "target" in value ? value.target : undefined;
  const problems = (): readonly Problem[] => problemsIn(document, experimentSchema());
  if (typeof named !== "string") throw new InvalidDocumentError(document, problems());
  try {
    return loadTarget(resolve(dirname(document.file), named));
  } catch (error) {
    if (!(error instanceof SquallError) || error.code !== "SQUALL_FILE") throw error;
    const missing = { line: document.lineOf(["target"]), path: "target", message: error.message };
    throw new InvalidDocumentError(document, [missing, ...problems()]);
  }
}
