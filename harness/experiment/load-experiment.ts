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
import { loadTarget } from "../target/load-target.ts";
import { targetEdges } from "../target/target-edge.ts";
import type { Target } from "../target/target.ts";
import { experimentSchema, type Experiment, type ExperimentWords } from "./experiment.ts";

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
  return { experiment: experimentOf(document, wordsOf(target)), target };
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
    journeys: names,
    mixes: Object.fromEntries(Object.entries(mixes).map(([mix, weights]) => [mix, Object.keys(weights)])),
    invariants: target.invariants.map(({ id }) => id),
    settings: target.settings,
  };
}

function experimentOf(document: YamlDocument, words: ExperimentWords | undefined): Experiment {
  const parsed = checkDocument(document, experimentSchema(words));
  const file = resolve(document.file);
  const { target, load, ...rest } = parsed;
  const beside = (path: string): string => resolve(dirname(file), path);
  const { arrivals } = load;
  return {
    ...rest,
    load:
      arrivals.kind === "replay" ? { ...load, arrivals: { ...arrivals, file: beside(arrivals.file) } } : load,
    file,
    targetFile: beside(target),
    document: document.value,
  };
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
