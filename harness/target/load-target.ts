import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { checkDocument, plainDocument, readYamlDocument, type YamlDocument } from "../base/yaml-document.ts";
import { clientName, targetSchema, type Target, type TargetWords } from "./target.ts";

/**
 * Reads a target and checks it as a whole: also that each name it uses is one it defines, and each file is there.
 * @param file as the user named it; relative to the working folder
 * @throws {SQUALL_FILE} when the file is missing
 * @throws {SQUALL_INVALID_DOCUMENT} with every problem and its line
 */
export function loadTarget(file: string): Target {
  const folder = dirname(resolve(file));
  return targetOf(readYamlDocument(file, "target"), (path) => existsSync(resolve(folder, path)));
}

/**
 * A target from its document (`Target.document`) alone, such as one kept in a run folder: touches no disk.
 * @param file absolute path that the document came from
 * @throws {SQUALL_INVALID_DOCUMENT}
 */
export function parseTarget(document: unknown, file: string): Target {
  return targetOf(plainDocument(document, file, "target"), () => true);
}

function targetOf(document: YamlDocument, hasFile: TargetWords["hasFile"]): Target {
  const parsed = checkDocument(document, targetSchema(wordsOf(document.value, hasFile)));
  const file = resolve(document.file);
  const folder = dirname(file);
  return {
    ...parsed,
    file,
    folder,
    journeys: { ...parsed.journeys, module: resolve(folder, parsed.journeys.module) },
    invariants: Object.entries(parsed.invariants).map(([id, invariant]) => ({ id, ...invariant })),
    slos: Object.entries(parsed.slos).map(([id, slo]) => ({ id, ...slo })),
    alerts: parsed.alerts && { ...parsed.alerts, rules: resolve(folder, parsed.alerts.rules) },
    document: document.value,
  };
}

/** The names a document defines, however wrong the rest of it is, so that all its problems can be told at once. */
function wordsOf(document: unknown, hasFile: TargetWords["hasFile"]): TargetWords {
  const portNames = (parts: unknown): Record<string, readonly string[]> =>
    Object.fromEntries(keysOf(parts).map((name) => [name, keysOf(at(at(parts, name), "ports"))]));
  const journeys = at(at(document, "journeys"), "names");
  return {
    services: portNames(at(document, "services")),
    outside: portNames(at(document, "outside")),
    stores: keysOf(at(document, "stores")),
    edges: edgesIn(document),
    journeys: Array.isArray(journeys) ? journeys.filter((name) => typeof name === "string") : [],
    observations: keysOf(at(document, "observations")),
    hasFile,
  };
}

function edgesIn(document: unknown): TargetWords["edges"] {
  const services = at(document, "services");
  const entry = at(document, "entry");
  return [
    ...(typeof entry === "string" ? [{ caller: clientName, callee: entry }] : []),
    ...keysOf(services).flatMap((caller) =>
      keysOf(at(at(services, caller), "calls")).map((callee) => ({ caller, callee })),
    ),
  ];
}

function at(value: unknown, key: string): unknown {
  return isMapping(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function keysOf(value: unknown): readonly string[] {
  return isMapping(value) ? Object.keys(value) : [];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
