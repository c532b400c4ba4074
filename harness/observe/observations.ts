import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, systemErrorCode } from "../base/errors.ts";
import { readJsonl } from "../base/jsonl.ts";
import { isUnread, rowSchema, type Row, type Rows, type Unread } from "../record/row.ts";
import { readHttpRows } from "./http-rows.ts";
import { readSqlRows } from "./sql-rows.ts";

/** What to read: the answer of a query, or the JSON arrays of some parts one after the other. */
export type ObservationSpec =
  | { readonly kind: "sql"; readonly store: string; readonly sql: string }
  | { readonly kind: "http"; readonly from: readonly string[]; readonly path: string };

/** Where stores and parts are reached, past the proxies; `undefined` for one that the fleet does not have. */
export interface ObservationAccess {
  storeUrl(store: string): string | undefined;
  baseUrl(part: string): string | undefined;
}

/**
 * Reads all observations at once. It changes nothing. One that cannot be read is an `{ error }` that says why, so that
 * nobody takes it for an empty one.
 */
export async function readObservations(
  specs: Readonly<Record<string, ObservationSpec>>,
  access: ObservationAccess,
  signal: AbortSignal,
): Promise<Rows> {
  const entries = Object.entries(specs).map(
    async ([name, spec]): Promise<[string, readonly Row[] | Unread]> => {
      try {
        return [name, await readOne(spec, access, signal)];
      } catch (error) {
        return [name, { error: messageOf(error) }];
      }
    },
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function readOne(
  spec: ObservationSpec,
  access: ObservationAccess,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  switch (spec.kind) {
    case "sql": {
      const url = access.storeUrl(spec.store);
      if (url === undefined) throw new Error(`the fleet has no store ${spec.store}`);
      return readSqlRows(url, spec.sql, signal);
    }
    case "http": {
      const parts = spec.from.map(async (part) => {
        const url = access.baseUrl(part);
        if (url === undefined) throw new Error(`the fleet has no part ${part}`);
        return readHttpRows(`${url}${spec.path}`, signal);
      });
      return (await Promise.all(parts)).flat();
    }
  }
}

const rowsSuffix = ".jsonl";
const errorSuffix = ".error.json";

/**
 * Keeps observations in a run folder: `<name>.jsonl`, a row a line, or `<name>.error.json` for one that could not be
 * read. A file is whole or not there: half of the rows would look like lost orders.
 */
export function writeObservations(folder: string, rows: Rows): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, observed] of Object.entries(rows)) {
    const [kept, gone] = isUnread(observed) ? [errorSuffix, rowsSuffix] : [rowsSuffix, errorSuffix];
    const content = isUnread(observed)
      ? `${JSON.stringify(observed)}\n`
      : observed.map((row) => `${JSON.stringify(row)}\n`).join("");
    const file = join(folder, `${name}${kept}`);
    writeFileSync(`${file}.tmp`, content);
    renameSync(`${file}.tmp`, file);
    rmSync(join(folder, `${name}${gone}`), { force: true });
  }
}

/**
 * The observations of a run folder; none where nothing was read. A file that is cut or does not hold rows is an
 * `{ error }`.
 */
export function readObservationFiles(folder: string): Rows {
  const rows: Record<string, readonly Row[] | Unread> = {};
  for (const file of filesIn(folder)) {
    const path = join(folder, file);
    if (file.endsWith(errorSuffix)) rows[file.slice(0, -errorSuffix.length)] = { error: readError(path) };
    else if (file.endsWith(rowsSuffix)) rows[file.slice(0, -rowsSuffix.length)] = readRows(path);
  }
  return rows;
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function readRows(path: string): readonly Row[] | Unread {
  const { lines, cutBytes, invalid } = readJsonl(path, (value) => rowSchema.parse(value));
  if (cutBytes > 0) return { error: "the file is cut" };
  const [first] = invalid;
  return first === undefined ? lines : { error: `line ${first.line} is no row: ${first.message}` };
}

function readError(path: string): string {
  try {
    const { error } = JSON.parse(readFileSync(path, "utf8")) as Partial<Unread>;
    return error ?? "no reason given";
  } catch (error) {
    return `the reason cannot be read: ${messageOf(error)}`;
  }
}
