import { parse as parseCsv, CsvError } from "csv-parse/sync";
import { parseTree, type ParseError } from "jsonc-parser";
import { readFileSync } from "node:fs";
import { extname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { z } from "zod";
import { SquallError, messageOf } from "../base/errors.ts";
import { InvalidDocumentError, problemsIn, type Problem } from "../base/yaml-document.ts";

/** Rows of a file, for journeys to take: accounts, products, search words. */
export interface DataFile<T> {
  /** As messages name it. */
  readonly file: string;
  /** In the order of the file; at least one. */
  readonly rows: readonly T[];
}

const kind = "data file";
/** More than this many problems are counted, not listed. */
const mostListed = 20;

/**
 * Reads a file of rows: CSV with a line of column names (`.csv`), a JSON list (`.json`) or a JSON value a line (`.jsonl`).
 * Called at the top of a module of journeys, so once, before the load starts:
 * `const accounts = dataFile(new URL("accounts.csv", import.meta.url), z.object({ email: z.email() }))`.
 * @param schema of one row; the cells of a CSV are texts: `z.coerce.number()` makes one a number
 * @throws {SQUALL_FILE} when it cannot be read
 * @throws {SQUALL_INVALID_DOCUMENT} naming line, field, what was expected and what was given
 */
export function dataFile<T>(url: URL, schema: z.ZodType<T>): DataFile<T> {
  const path = fileURLToPath(url);
  const file = relative(".", path);
  const given = rowsOf(readText(path, file), file);
  const rows: T[] = [];
  const problems: Problem[] = [];
  for (const { value, line } of given) {
    const result = schema.safeParse(value);
    if (result.success) rows.push(result.data);
    else problems.push(...problemsOfRow(value, line, file, schema));
  }
  if (problems.length > mostListed) {
    const more = problems.splice(mostListed).length;
    problems.push({ line: given.at(-1)?.line, path: "", message: `and ${more} more like these` });
  }
  if (given.length === 0)
    problems.push({ line: 1, path: "", message: "expected at least one row, got none" });
  if (problems.length > 0) throw new InvalidDocumentError({ file, kind }, problems);
  return { file, rows };
}

interface GivenRow {
  readonly value: unknown;
  /** Counted from 1; absent where the file as a whole was refused before its lines were counted. */
  readonly line: number;
}

function readText(path: string, file: string): string {
  try {
    return readFileSync(path, "utf8").replace(/^\ufeff/, "");
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot read the data file ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function rowsOf(text: string, file: string): readonly GivenRow[] {
  switch (extname(file)) {
    case ".csv":
      return csvRows(text, file);
    case ".json":
      return jsonRows(text, file);
    case ".jsonl":
    case ".ndjson":
      return jsonLines(text, file);
    default:
      throw new SquallError("SQUALL_FILE", `${file}: expected a name that ends in .csv, .json or .jsonl`);
  }
}

function csvRows(text: string, file: string): readonly GivenRow[] {
  try {
    const options = { columns: columnNames, info: true, skip_empty_lines: true, trim: true } as const;
    // The library's types do not say that `info` puts each record beside where it stood.
    const parsed = parseCsv(text, options) as readonly { info: { lines: number }; record: unknown }[];
    return parsed.map(({ info, record }) => ({ value: record, line: info.lines }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error["lines"] === "number" ? error["lines"] : undefined;
    throw refused(file, line, csvMessage(error));
  }
}

/** The names in the first line. @throws {CsvError} when two columns have one name: one would hide the other */
function columnNames(names: readonly string[]): string[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new CsvError(
      "CSV_INVALID_COLUMN_MAPPING",
      `expected each column once, got "${twice}" twice`,
      undefined,
      {
        lines: 1,
      },
    );
  return [...names];
}

function csvMessage({ code, message, ...context }: CsvError): string {
  if (code !== "CSV_RECORD_INCONSISTENT_COLUMNS") return message;
  const { columns, record } = context;
  if (!Array.isArray(columns) || !Array.isArray(record)) return message;
  return `expected ${columns.length} columns as in the first line, got ${record.length}`;
}

function jsonLines(text: string, file: string): readonly GivenRow[] {
  return text.split("\n").flatMap((source, index) => {
    if (source.trim() === "") return [];
    try {
      return [{ value: JSON.parse(source) as unknown, line: index + 1 }];
    } catch (error) {
      throw refused(file, index + 1, `expected a JSON value, got ${messageOf(error)}`);
    }
  });
}

function jsonRows(text: string, file: string): readonly GivenRow[] {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: false });
  const lineAt = lineCounter(text);
  const [error] = errors;
  if (error !== undefined || root === undefined)
    throw refused(file, lineAt(error?.offset ?? 0), "expected JSON, got something else");
  if (root.type !== "array")
    throw refused(file, lineAt(root.offset), "expected a list of rows, got one value");
  const values = JSON.parse(text) as readonly unknown[];
  return (root.children ?? []).map(({ offset }, index) => ({ value: values[index], line: lineAt(offset) }));
}

/** Line of an offset, counted from 1; offsets are asked for in ascending order. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let counted = 0;
  return (offset) => {
    for (; counted < offset; counted += 1) if (text[counted] === "\n") line += 1;
    return line;
  };
}

function problemsOfRow(value: unknown, line: number, file: string, schema: z.ZodType): readonly Problem[] {
  const row = { file, kind, value, problems: [], lineOf: () => line };
  return problemsIn(row, schema).map((problem) => {
    if (problem.message.includes(", got ")) return problem;
    const given = cellAt(value, problem.path);
    return { ...problem, message: `${problem.message}, got ${JSON.stringify(given) ?? "nothing"}` };
  });
}

function cellAt(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function refused(file: string, line: number | undefined, message: string): InvalidDocumentError {
  return new InvalidDocumentError({ file, kind }, [{ line, path: "", message }]);
}
