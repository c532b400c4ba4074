import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { cache, npmFiles } from "../scripts/peers.ts";

/**
 * What Grafana itself says a board may have, version by version: the types that it generates from its schema (CUE) and
 * publishes to npm, `@grafana/schema` with the options of its panels, and `@grafana/prometheus` with what a query is (in 10 it is
 * part of the former). Of each major version the first and the last that npm has both of, but for 10.0 and 10.1: their types ask
 * for what those fill in themselves, as an `id` of each variable.
 *
 *   board.json ─→ `export const board: Board = {…}` ─→ TypeScript's compiler ─→ a complaint a line
 *
 * A literal may have no field that its type does not know, must have all that it requires, and an enum is its value. What types
 * do not say is not checked: ranges of numbers, what a query finds, how it is drawn.
 */
const packages = {
  "10.2": { schema: "10.2.7", prometheus: undefined },
  "10.4": { schema: "10.4.19", prometheus: undefined },
  "11.2": { schema: "11.2.2", prometheus: "11.2.0" },
  "11.6": { schema: "11.6.0", prometheus: "11.6.0" },
  "12.1": { schema: "12.1.1", prometheus: "12.1.1" },
  "12.4": { schema: "12.4.0", prometheus: "12.4.0" },
  "13.0": { schema: "13.0.1", prometheus: "13.0.1" },
  "13.2": { schema: "13.2.3", prometheus: "13.2.3" },
} as const;

export type GrafanaVersion = keyof typeof packages;
export const grafanaVersions = Object.keys(packages) as readonly GrafanaVersion[];

export interface GrafanaSchema {
  /** Which schema a board has that this Grafana writes by default: what is older it brings forward, what is later it cannot. */
  readonly schemaVersion: number;
  /** @param boards JSON by name @returns what is wrong, as "name:line: why" */
  complaints(boards: Readonly<Record<string, string>>): readonly string[];
}

const folderOf = (version: GrafanaVersion): string => join(cache, "grafana", version);

/** @throws when a version cannot be had, or its types are not where they are looked for */
export function grafanaSchema(version: GrafanaVersion): GrafanaSchema {
  npmFiles(
    Object.fromEntries(
      grafanaVersions.map((each) => {
        const { schema, prometheus } = packages[each];
        const query = prometheus === undefined ? [] : [`@grafana/prometheus@${prometheus}`];
        return [folderOf(each), [`@grafana/schema@${schema}`, ...query]];
      }),
    ),
  );
  const folder = folderOf(version);
  const [, schemaVersion] = /schemaVersion: (\d+)/.exec(dashboardDefaults(folder)) ?? [];
  return {
    schemaVersion: Number(schemaVersion),
    complaints: (boards) => {
      const type = ["board.ts", boardType(folder, packages[version].prometheus !== undefined)] as const;
      // On the first line of the board, so that lines are those of its file.
      const literals = Object.entries(boards).map(
        ([name, json]) =>
          [`${name}.ts`, `import type { Board } from "./board.ts"; export const b: Board = ${json}`] as const,
      );
      const sources = [type, ...literals].map(([name, text]) => [join(folder, name), text] as const);
      return compile(new Map(sources)).map((each) => each.replace(`${folder}/`, ""));
    },
  };
}

const schemaAt = (folder: string): string => join(folder, "node_modules/@grafana/schema");

function dashboardDefaults(folder: string): string {
  const raw = join(schemaAt(folder), "dist/esm/raw/dashboard/x");
  const file = readdirSync(raw).find((each) => /\.m?js$/.test(each));
  return readFileSync(join(raw, file ?? ""), "utf8");
}

/** The generated types of one part of the schema, which have moved within the package from version to version. */
function typesOf(folder: string, part: string): string {
  const dist = join(schemaAt(folder), "dist");
  const found = ["esm", "types"].flatMap((kind) => {
    const place = join(dist, kind, "raw", part, "x");
    const files = readdirSync(dist).includes(kind) ? readdirSync(place) : [];
    return files.filter((each) => each.endsWith("types.gen.d.ts")).map((each) => join(place, each));
  });
  const [file] = found.toReversed();
  if (file === undefined) throw new Error(`expected types of ${part} below ${dist}`);
  return file.replace(/\.d\.ts$/, "");
}

/** `Dashboard` leaves open what a panel's options and queries are: these are of the kinds that our boards have. */
function boardType(folder: string, hasPrometheus: boolean): string {
  const query = hasPrometheus
    ? `PromQuery as Query } from "@grafana/prometheus"`
    : `PrometheusDataQuery as Query } from "${typesOf(folder, "composable/prometheus/dataquery")}"`;
  return `
import type * as kind from "${typesOf(folder, "dashboard")}";
import type * as lines from "${typesOf(folder, "composable/timeseries/panelcfg")}";
import type * as stat from "${typesOf(folder, "composable/stat/panelcfg")}";
import type { ${query};

type Json<T> = unknown extends T ? T
  : T extends string ? \`\${T}\`
  : T extends number | boolean | null ? T
  : { [K in keyof T]: Json<T[K]> };

// A panel takes its defaults for options that are left out, and for nothing within them.
type PanelOf<Type extends string, Options, Custom> = Omit<kind.Panel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options: Partial<Options>;
  fieldConfig: Omit<kind.FieldConfigSource, "defaults"> & {
    defaults: Omit<kind.FieldConfig, "custom"> & { custom?: Custom };
  };
  targets: Query[];
};

// "Unless datasources have migrated to the target+mapping, they just spread their query into the base object", says the
// schema: Prometheus' moves these two to the target since 12, and reads them here before.
type Annotation = kind.AnnotationQuery & { expr: string; step: string; titleFormat: string; textFormat: string };

export type Board = Json<
  Omit<kind.Dashboard, "panels" | "annotations"> & {
    panels: (PanelOf<"timeseries", lines.Options, lines.FieldConfig> | PanelOf<"stat", stat.Options, never>)[];
    annotations: { list: Annotation[] };
  }
>;
`;
}

const options: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  // What its types import from React and the like is not there, and nothing of a board is made of it.
  skipLibCheck: true,
  types: [],
  lib: ["lib.es2024.d.ts"],
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
};
/** The language's own, which are the same for every version. */
const parsed = new Map<string, ts.SourceFile | undefined>();

function compile(sources: ReadonlyMap<string, string>): readonly string[] {
  const host = ts.createCompilerHost(options);
  const onDisk = { ...host };
  host.fileExists = (file) => sources.has(file) || onDisk.fileExists(file);
  host.getSourceFile = (file, language, ...rest) => {
    const text = sources.get(file);
    if (text !== undefined) return ts.createSourceFile(file, text, language);
    const found = parsed.get(file) ?? onDisk.getSourceFile(file, language, ...rest);
    parsed.set(file, found);
    return found;
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...sources.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(said);
  });
}

/** The last line of a message is of the innermost field. */
function said({ file, start = 0, messageText }: ts.Diagnostic): string {
  const why = ts.flattenDiagnosticMessageText(messageText, "\n").split("\n").at(-1)?.trim() ?? "";
  const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1;
  return `${file?.fileName.replace(/\.ts$/, "")}:${line}: ${why.length > 200 ? `${why.slice(0, 200)}…` : why}`;
}
