// The boundary table of ARCHITECTURE.md, enforced: what each module of the harness may import.
const may = {
  base: [],
  record: ["base"],
  stats: ["base"],
  experiment: ["base", "target"],
  target: ["base"],
  traces: ["base", "record", "stats"],
  logs: ["base", "record"],
  consistency: ["base", "record", "stats"],
  proxy: ["base"],
  observe: ["base", "record"],
  load: ["base", "record", "experiment", "stats"],
  faults: ["base", "experiment", "runtimes/process-change.ts"],
  runtimes: ["base", "record", "target"],
  engine: [
    "base",
    "record",
    "stats",
    "experiment",
    "target",
    "traces",
    "logs",
    "consistency",
    "faults",
    "load",
    "observe",
    // The interface, never a concrete runtime.
    "runtimes/runtime.ts",
    "runtimes/process-change.ts",
  ],
  report: ["base", "record"],
};

const asPath = (allowed) => (allowed.endsWith(".ts") ? `${allowed.replace(".", "\\.")}$` : `${allowed}/`);

const modules = Object.entries(may).map(([name, allowed]) => ({
  name: `harness/${name} imports only ${["itself", ...allowed].join(", ")}`,
  severity: "error",
  from: { path: `^harness/${name}/`, pathNot: "\\.test\\.ts$" },
  to: { path: "^harness/", pathNot: `^harness/(${[name, ...allowed].map(asPath).join("|")})` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...modules,
    {
      name: "pure modules do no I/O",
      severity: "error",
      from: { path: "^harness/(stats|traces|logs|consistency)/", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(assert|util)$" },
    },
    {
      name: "the harness and the fleet never import each other",
      severity: "error",
      from: { path: "^harness/" },
      to: { path: "^(target-system|load)/" },
    },
    {
      name: "the fleet knows no harness",
      severity: "error",
      from: { path: "^target-system/" },
      to: { path: "^(harness|load)/" },
    },
    {
      name: "a service imports the service kit, never another service",
      severity: "error",
      from: { path: "^target-system/([^/]+)/" },
      to: { path: "^target-system/", pathNot: "^target-system/($1|service-kit)/" },
    },
    {
      name: "runtimes do not know each other",
      severity: "error",
      from: { path: "^harness/runtimes/([^/]+)/" },
      to: { path: "^harness/runtimes/([^/]+)/", pathNot: "^harness/runtimes/($1|fixtures)/" },
    },
    {
      name: "no cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(node_modules|\\.squall|runs)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node"],
    },
  },
};
