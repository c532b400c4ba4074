import { readFileSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import {
  LineCounter,
  visit,
  type Alias,
  type YAMLError,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument as parseYaml,
  type Document,
} from "yaml";
import type { z } from "zod";
import { SquallError, messageOf, systemErrorCode } from "./errors.ts";
import { nearest } from "./nearest.ts";

/**
 * A YAML file that people write, read so that every problem in it is named at once, each with its line, the path of the
 * field, what was expected and what was given.
 *
 *   file ─readYamlDocument→ YamlDocument (value and lines) ─checkDocument(schema)→ typed value
 */
export interface YamlDocument {
  /** As the user named it. */
  readonly file: string;
  /** What the file should be, for messages: "experiment". */
  readonly kind: string;
  /** Plain data: what JSON could hold. */
  readonly value: unknown;
  /** What reading found that does not make the value unreadable (a key given twice). */
  readonly problems: readonly Problem[];
  /** Line of a field, counted from 1; of the nearest parent that is there, for one that is missing. */
  lineOf(path: Path): number | undefined;
}

export type Path = readonly PropertyKey[];

export interface Problem {
  /** Counted from 1; absent when the document did not come from a file. */
  readonly line: number | undefined;
  /** "faults[0].latency.delay"; empty for the document as a whole. */
  readonly path: string;
  /** `expected a duration such as "200ms", got "200"` */
  readonly message: string;
}

/** A document that does not fit its schema; `problems` are in the order of their lines. */
export class InvalidDocumentError extends SquallError {
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(document: Pick<YamlDocument, "file" | "kind">, problems: readonly Problem[]) {
    const sorted = problems.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0));
    super("SQUALL_INVALID_DOCUMENT", describeProblems(document, sorted), {
      hint: `the format is described in docs/${pages.get(document.kind) ?? `${document.kind}s.md`}`,
    });
    this.file = document.file;
    this.problems = sorted;
  }
}

/** Where the format of a kind is described that has no page of its name. */
const pages: ReadonlyMap<string, string> = new Map([
  ["proxy configuration", "proxy.md"],
  ["data file", "journeys.md"],
  ["rule file", "alerts.md"],
]);

const largestBytes = 1_000_000;
const mostAliases = 100;
const tooDeep = "nested too deeply";

/**
 * Reads one YAML document from a file.
 * @param kind what the file should be, for messages: "experiment"
 * @throws {SQUALL_FILE} when the file is missing or cannot be read
 * @throws {SQUALL_INVALID_DOCUMENT} when it is no YAML, or more than one document
 */
export function readYamlDocument(file: string, kind: string): YamlDocument {
  return parseYamlText(readText(file, kind), file, kind);
}

/** A document from memory, such as one kept in a run folder: its problems have no lines. */
export function plainDocument(value: unknown, file: string, kind: string): YamlDocument {
  return { file, kind, value, problems: [], lineOf: () => undefined };
}

/**
 * The document's value as the schema gives it.
 * @throws {SQUALL_INVALID_DOCUMENT} with all problems
 */
export function checkDocument<T>(document: YamlDocument, schema: z.ZodType<T>): T {
  const result = schema.safeParse(document.value);
  if (result.success && document.problems.length === 0) return result.data;
  throw new InvalidDocumentError(document, problemsIn(document, schema));
}

/** All that is wrong with a document, in no order. */
export function problemsIn(document: YamlDocument, schema: z.ZodType): readonly Problem[] {
  const issues = schema.safeParse(document.value).error?.issues ?? [];
  return [...document.problems, ...issues.flatMap((issue) => problemsOf(issue, document))];
}

function readText(file: string, kind: string): string {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw unreadable(file, kind, error);
  }
  if (content.length > largestBytes) {
    const message = `expected at most ${largestBytes} bytes, got ${content.length}`;
    throw new InvalidDocumentError({ file, kind }, [{ line: undefined, path: "", message }]);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    const message = "expected text in UTF-8, got other bytes";
    throw new InvalidDocumentError({ file, kind }, [{ line: undefined, path: "", message }]);
  }
}

function unreadable(file: string, kind: string, error: unknown): SquallError {
  const code = systemErrorCode(error);
  if (code === "EISDIR")
    return new SquallError("SQUALL_FILE", `expected a file that holds the ${kind}, got a folder: ${file}`, {
      cause: error,
    });
  if (code !== "ENOENT" && code !== "ENOTDIR")
    return new SquallError("SQUALL_FILE", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  const near = nearest(basename(file), filesBeside(file));
  return new SquallError("SQUALL_FILE", `there is no file ${file}`, {
    cause: error,
    ...(near === undefined ? {} : { hint: `did you mean ${near}, in the same folder?` }),
  });
}

function filesBeside(file: string): readonly string[] {
  try {
    return readdirSync(dirname(file));
  } catch {
    return []; // only a hint is lost
  }
}

/** As {@link readYamlDocument}, from text. */
export function parseYamlText(source: string, file: string, kind: string): YamlDocument {
  const refuse = (...problems: readonly Problem[]): never => {
    throw new InvalidDocumentError({ file, kind }, problems);
  };
  const lines = new LineCounter();
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  try {
    const document = parseYaml(source, { lineCounter: lines, prettyErrors: false });
    const problemOf = ({ code, message, pos }: YAMLError): Problem => ({
      line: lineAt(pos[0]),
      path: "",
      message: syntaxMessage(code, message),
    });
    const problems = document.errors.filter(({ code }) => code === "DUPLICATE_KEY").map(problemOf);
    // What the parser makes of the text after a first mistake is a guess: only that one is told.
    const fatal = document.errors.find(({ code }) => code !== "DUPLICATE_KEY");
    if (fatal !== undefined) refuse(...problems, problemOf(fatal));

    const unknown = firstUnknownAlias(document);
    if (unknown !== undefined)
      refuse({ line: startOf(unknown, lineAt), path: "", message: `unknown alias *${unknown.source}` });
    const value: unknown = document.toJS({ maxAliasCount: mostAliases });
    if (value === undefined || value === null)
      refuse({ line: 1, path: "", message: "expected a mapping, got an empty file" });
    return { file, kind, value, problems, lineOf: (path) => lineOf(document, path, lineAt) };
  } catch (error) {
    // What the parser throws rather than reports.
    if (error instanceof RangeError) return refuse({ line: undefined, path: "", message: tooDeep });
    if (error instanceof ReferenceError)
      return refuse({ line: undefined, path: "", message: "aliases that multiply without end" });
    throw error;
  }
}

function firstUnknownAlias(document: Document.Parsed): Alias | undefined {
  const anchors = new Set<string>();
  let unknown: Alias | undefined;
  visit(document, (_, node) => {
    if (isAlias(node) && !anchors.has(node.source)) {
      unknown = node;
      return visit.BREAK;
    }
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) anchors.add(node.anchor);
    return undefined;
  });
  return unknown;
}

function syntaxMessage(code: string, message: string): string {
  switch (code) {
    case "DUPLICATE_KEY":
      return "the same key is given twice";
    case "TAB_AS_INDENT":
      return "expected spaces as indentation, got a tab";
    case "MULTIPLE_DOCS":
      return "expected one document, got several (a line with only --- starts another)";
    default:
      return message.includes("call stack") ? tooDeep : message.replaceAll("\n", " ");
  }
}

function lineOf(
  document: Document.Parsed,
  path: Path,
  lineAt: (offset: number) => number,
): number | undefined {
  let node: unknown = document.contents;
  let line = startOf(node, lineAt);
  for (const segment of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (pair === undefined) return line;
      line = startOf(pair.key, lineAt) ?? line;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === "number") {
      node = node.items[segment];
      line = startOf(node, lineAt) ?? line;
    } else {
      return line;
    }
  }
  return line;
}

function startOf(node: unknown, lineAt: (offset: number) => number): number | undefined {
  return isNode(node) && node.range ? lineAt(node.range[0]) : undefined;
}

/** One issue of zod's, in our words; an issue about several unknown keys is several problems. */
function problemsOf(issue: z.core.$ZodIssue, document: YamlDocument): readonly Problem[] {
  const problem = (path: Path, message: string): Problem => ({
    line: document.lineOf(path),
    path: formatPath(path),
    message,
  });
  switch (issue.code) {
    case "unrecognized_keys": {
      const messages = issue.message.split("\n");
      return issue.keys.map((key, index) => problem([...issue.path, key], messages[index] ?? "unknown key"));
    }
    case "invalid_key":
      return issue.issues.map(({ message }) =>
        problem(issue.path, withGiven(message, String(issue.path.at(-1) ?? ""))),
      );
    case "invalid_type": {
      const expected = issue.message.startsWith("expected")
        ? issue.message
        : `expected ${typeName(issue.expected)}`;
      return [problem(issue.path, withGiven(expected, valueAt(document.value, issue.path)))];
    }
    case "invalid_union": {
      // The member that was meant: the one that failed within the value, not at it.
      const meant = issue.errors.find((issues) => issues.every(isWithin));
      if (meant !== undefined)
        return meant.flatMap((inner) =>
          problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, document),
        );
      return [problem(issue.path, withGiven(issue.message, valueAt(document.value, issue.path)))];
    }
    case "invalid_value":
    case "invalid_format":
    case "invalid_element":
    case "too_big":
    case "too_small":
    case "not_multiple_of":
    case "custom":
      return [problem(issue.path, withGiven(issue.message, valueAt(document.value, issue.path)))];
  }
}

function isWithin(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code === "unrecognized_keys";
}

function withGiven(message: string, given: unknown): string {
  return message.startsWith("expected") ? `${message}, got ${describeGiven(given)}` : message;
}

function typeName(expected: string): string {
  switch (expected) {
    case "object":
    case "record":
      return "a mapping";
    case "array":
    case "tuple":
      return "a list";
    case "string":
      return "a text";
    case "int":
      return "a whole number";
    case "boolean":
      return "true or false";
    default:
      return `a ${expected}`;
  }
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Readonly<Record<PropertyKey, unknown>>)[segment];
  }
  return current;
}

/** What was given, short enough for a line. */
function describeGiven(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const keys = Object.keys(value);
  if (keys.length === 0) return "an empty mapping";
  return `a mapping of ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? ", …" : ""}`;
}

/** `["faults", 0, "latency"]` -> "faults[0].latency" */
export function formatPath(path: Path): string {
  let formatted = "";
  for (const segment of path) {
    if (typeof segment === "number") formatted += `[${segment}]`;
    else if (/^[\w-]+$/.test(String(segment)))
      formatted += `${formatted === "" ? "" : "."}${String(segment)}`;
    else formatted += `[${JSON.stringify(String(segment))}]`;
  }
  return formatted;
}

function describeProblems(
  { file, kind }: Pick<YamlDocument, "file" | "kind">,
  problems: readonly Problem[],
): string {
  const places = problems.map(({ line }) => (line === undefined ? "" : `line ${line}`));
  const placeWidth = Math.max(...places.map((place) => place.length));
  const pathWidth = Math.min(40, Math.max(...problems.map(({ path }) => path.length)));
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [
    `${file} is not a valid ${kind} (${count})`,
    ...problems.map(({ path, message }, index) =>
      [
        "",
        ...(placeWidth === 0 ? [] : [(places[index] ?? "").padEnd(placeWidth)]),
        ...(pathWidth === 0 ? [] : [path.padEnd(pathWidth)]),
        message,
      ].join("  "),
    ),
  ].join("\n");
}
