import { z } from "zod";
import type { Edge } from "../base/edge.ts";
import { fields, nameOf, nameSchema, text, unknownName } from "../base/fields.ts";
import { limitsSchema, type Limits } from "./limits.ts";
import { sloSchema } from "./slo.ts";

/**
 * A target: one YAML file that describes a system to the harness. Its services and what they call (each call an edge),
 * the outside world, the stores, the journeys that load may take, what to read when the run is over (observations), and
 * what must be true of it (invariants).
 *
 *   target.yaml ─read→ document ─targetSchema(words)→ Target
 */

/** The names that one part of a target's document defines and other parts use. */
export interface TargetWords {
  /** By service and part of the outside world: the names of its ports. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly outside: Readonly<Record<string, readonly string[]>>;
  readonly stores: readonly string[];
  readonly edges: readonly Edge[];
  readonly journeys: readonly string[];
  readonly observations: readonly string[];
  /** Whether a file exists, by its path relative to the target's folder. */
  hasFile(path: string): boolean;
}

/** The observation that is always there: what clients were told, from the history. */
export const toldObservation = "told";

/** The caller of the edge on which load comes in: `client -> <entry>`. */
export const clientName = "client";

const variable = z
  .string({ error: "expected the name of an environment variable" })
  .regex(/^[A-Z_][A-Z0-9_]*$/, { error: "expected the name of an environment variable" });
const urlPath = z.string({ error: 'expected a path such as "/ready"' }).regex(/^\/\S*$/, {
  error: 'expected a path such as "/ready"',
});
const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: "expected a text, a number, true or false",
});
const column = text("the name of a column");
const columns = z
  .array(column, { error: "expected a list of columns" })
  .min(1, { error: "expected at least one column" });
const onColumns = z.record(column, column, { error: "expected a mapping of columns" });

/** A setting of the fleet: an environment variable that all its services are given. */
const settingSchema = fields({
  description: text("a text").optional(),
  env: variable,
  values: z
    .array(text("a text"), { error: "expected a list of texts" })
    .min(1, { error: "expected at least one value" })
    .optional(),
  default: text("a text"),
}).superRefine((setting, context) => {
  if (setting.values !== undefined && !setting.values.includes(setting.default))
    context.addIssue({
      code: "custom",
      path: ["default"],
      message: unknownName("value", setting.default, setting.values),
    });
});
export type Setting = Readonly<z.output<typeof settingSchema>>;

/** A folder that the services share, by the environment variable that tells them where it is. */
const folderSchema = fields({ env: variable });
export type Folder = Readonly<z.output<typeof folderSchema>>;

/** Where the target runs as containers of Compose: in which project, and which others belong to it, by the part they are. */
const projectName = z
  .string({ error: "expected the name of a Compose project" })
  .regex(/^[a-z0-9][a-z0-9_-]*$/, { error: "expected the name of a Compose project: a-z, 0-9, - and _" });
const containerName = text("the name of a container");

const portNumber = z
  .int({ error: "expected a port number" })
  .min(1, { error: "expected a port number from 1 to 65535" })
  .max(65_535, { error: "expected a port number from 1 to 65535" });

/** `{ http: PORT }`, or `{ http: { env: PORT, port: 8080 } }` for one that must not change. */
const portSchema = z
  .union([variable, fields({ env: variable, port: portNumber.optional() })], {
    error: "expected the name of an environment variable, or { env, port }",
  })
  .transform((port) => (typeof port === "string" ? { env: port } : port));
export type PortSpec = Readonly<z.output<typeof portSchema>>;

/** How the caller is told where the callee is: `value` with its placeholders filled in, in the variable `env`. */
const callSchema = fields({
  env: variable,
  value: text('a value such as "http://{address}"'),
  port: nameSchema.default("http"),
  /** Whether it is called only while another callee fails: no traffic crosses the edge when all is well. */
  standby: z.boolean({ error: "expected true or false" }).default(false),
});
export type Call = Readonly<z.output<typeof callSchema>>;

/** Placeholders of a call's value; only a store has the last three. */
const addressPlaceholders = ["address"];
const storePlaceholders = [...addressPlaceholders, "user", "password", "database"];

const storeSchema = fields({ kind: z.enum(["postgresql"], { error: "expected postgresql" }) });
export type Store = Readonly<z.output<typeof storeSchema>>;

const has = ["exactly-one", "at-least-one", "at-most-one", "none"] as const;

function placeholderProblems(value: string, isStore: boolean): readonly string[] {
  const known = isStore ? storePlaceholders : addressPlaceholders;
  const used = [...value.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
  const unknown = used.filter((name) => !known.includes(name));
  if (unknown.length > 0) return unknown.map((name) => unknownName("placeholder", name, known));
  return used.includes("address") ? [] : ["expected a value with {address} in it"];
}

/** Where in a command the file is that it runs; `undefined` for a program that is looked up by name. */
function scriptOf(command: readonly string[]): number | undefined {
  if (command[0] !== "node") return command[0]?.includes("/") === true ? 0 : undefined;
  const script = command.findIndex((argument, index) => index > 0 && !argument.startsWith("-"));
  return script === -1 ? undefined : script;
}

function namesIn(group: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  return Object.keys(group ?? {});
}

/** A name that the document defines, which nothing else may be called: `taken` lists what is, by what it is. */
function newName(taken: Readonly<Record<string, readonly string[]>>) {
  return nameSchema.superRefine((name, context) => {
    for (const [what, names] of Object.entries(taken))
      if (names.includes(name)) context.addIssue({ code: "custom", message: `"${name}" is already ${what}` });
  });
}

/** The schema of a target; with `words`, what it names must be among them. */
export function targetSchema(words?: TargetWords) {
  const portNames = words && { ...words.services, ...words.outside };
  const parts = portNames && Object.keys(portNames);
  const callees = parts && [...parts, ...words.stores];
  const isStore = (name: string): boolean => words?.stores.includes(name) === true;

  const part = {
    command: z
      .array(text("a text"), { error: "expected a list: the program and its arguments" })
      .min(1, { error: "expected at least the program" })
      .superRefine((command, context) => {
        const script = scriptOf(command);
        if (script !== undefined && words?.hasFile(command[script] ?? "") === false)
          context.addIssue({ code: "custom", path: [script], message: "expected a file that exists" });
      }),
    ports: z
      .record(nameSchema, portSchema, { error: "expected a mapping of ports" })
      .refine((ports) => Object.hasOwn(ports, "http"), { error: "expected a port named http" }),
    ready: urlPath,
    metrics: urlPath.optional(),
  };
  const calls = z
    .record(nameOf("service, outside part or store", callees), callSchema, {
      error: "expected a mapping of calls",
    })
    .superRefine((calls, context) => {
      const callers = new Map<string, string>();
      for (const [callee, call] of Object.entries(calls)) {
        const problem = (field: string, message: string): void =>
          context.addIssue({ code: "custom", path: [callee, field], message });
        const ports = portNames?.[callee];
        if (ports !== undefined && !ports.includes(call.port))
          problem("port", unknownName(`port of ${callee}`, call.port, ports));
        if (words !== undefined)
          for (const message of placeholderProblems(call.value, isStore(callee))) problem("value", message);
        const other = callers.get(call.env);
        if (other !== undefined) problem("env", `${call.env} already holds the address of ${other}`);
        callers.set(call.env, callee);
      }
    });
  const mix = z.record(
    nameOf("journey", words?.journeys),
    z
      .number({ error: "expected a weight, a number above 0" })
      .positive({ error: "expected a weight above 0" }),
  );

  const observation = fields({
    store: nameOf("store", words?.stores).optional(),
    sql: text("an SQL query").optional(),
    from: z
      .array(nameOf("service or outside part", parts), { error: "expected a list of services" })
      .min(1, { error: "expected at least one service" })
      .optional(),
    http: urlPath.optional(),
  }).transform(({ store, sql, from, http }, context) => {
    if (context.issues.length > 0) return z.NEVER;
    if (store !== undefined && sql !== undefined && from === undefined && http === undefined)
      return { kind: "sql" as const, store, sql };
    if (from !== undefined && http !== undefined && store === undefined && sql === undefined)
      return { kind: "http" as const, from, path: http };
    context.addIssue({ code: "custom", message: "expected either store and sql, or from and http" });
    return z.NEVER;
  });

  const observed = nameOf(
    "observation",
    words && [...words.observations.filter((name) => name !== toldObservation), toldObservation],
  );
  const invariant = fields({
    title: text("a title"),
    each: observed,
    where: z.record(z.string(), scalar).default({}),
    has: z.enum(has, { error: `expected ${has.join(", ")}` }).optional(),
    in: observed.optional(),
    "where-in": z.record(z.string(), scalar).default({}),
    on: onColumns.optional(),
    equal: onColumns.default({}),
    unique: columns.optional(),
    "at-least": z.record(column, z.number({ error: "expected a number" })).optional(),
    is: z.record(column, scalar).optional(),
    "in-order": fields({ of: column, by: column, per: columns }).optional(),
    sum: fields({ of: columns, equals: column }).optional(),
  }).transform((given, context) => {
    if (context.issues.length > 0) return z.NEVER;
    const { title, each, where } = given;
    const { has, unique, is, sum, in: inside, on, equal, "where-in": whereIn } = given;
    const { "at-least": atLeast, "in-order": inOrder } = given;
    const claims = [has, unique, atLeast, is, sum, inOrder].filter((claim) => claim !== undefined);
    if (claims.length !== 1) {
      const message = "expected exactly one of has, unique, at-least, is, sum, in-order";
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    }
    if (has !== undefined) {
      if (inside !== undefined && on !== undefined)
        return { kind: "has" as const, title, each, where, has, in: inside, whereIn, on, equal };
      context.addIssue({ code: "custom", message: "expected in and on beside has" });
      return z.NEVER;
    }
    if (unique !== undefined) return { kind: "unique" as const, title, each, where, fields: unique };
    if (atLeast !== undefined) return { kind: "at-least" as const, title, each, where, atLeast };
    if (is !== undefined) return { kind: "is" as const, title, each, where, is };
    if (sum !== undefined) return { kind: "sum" as const, title, each, where, ...sum };
    if (inOrder !== undefined) {
      if ((inside === undefined) === (on === undefined))
        return { kind: "in-order" as const, title, each, where, ...inOrder, in: inside, on };
      context.addIssue({ code: "custom", message: "expected in and on together" });
    }
    return z.NEVER;
  });

  // A part goes by its name alone in every edge, so the three groups share one space of names.
  const serviceName = newName({ "what clients are called": [clientName] });
  const outsideName = newName({
    "what clients are called": [clientName],
    "a service": namesIn(words?.services),
  });
  const storeName = newName({
    "what clients are called": [clientName],
    "a service": namesIn(words?.services),
    "a part of the outside world": namesIn(words?.outside),
  });

  return fields({
    name: nameSchema,
    description: text("a text").optional(),
    settings: z.record(nameSchema, settingSchema).default({}),
    folders: z.record(nameSchema, folderSchema).default({}),
    containers: fields({
      project: projectName.optional(),
      foreign: z
        .record(nameOf("service, outside part or store", callees), containerName, {
          error: "expected a mapping of containers",
        })
        .default({}),
      tools: text("the name of an image").optional(),
    }).optional(),
    entry: nameOf("service", words && Object.keys(words.services)),
    services: z
      .record(serviceName, fields({ ...part, calls: calls.default({}) }), {
        error: "expected a mapping of services",
      })
      .refine((services) => Object.keys(services).length > 0, { error: "expected at least one service" }),
    outside: z.record(outsideName, fields(part)).default({}),
    stores: z.record(storeName, storeSchema).default({}),
    journeys: fields({
      module: text("the path of a module, relative to this file").refine(
        (module) => words?.hasFile(module) !== false,
        { error: "expected a file that exists" },
      ),
      names: z
        .array(nameSchema, { error: "expected a list of journeys" })
        .min(1, { error: "expected at least one journey" }),
      mixes: z.record(newName({ "a journey": words?.journeys ?? [] }), mix).default({}),
      // Where k6 makes the load, nobody looks for a module.
    }).default({ module: "journeys.ts", names: [], mixes: {} }),
    observations: z.record(newName({ "what clients were told": [toldObservation] }), observation).default({}),
    invariants: z.record(nameSchema, invariant).default({}),
    slos: z.record(nameSchema, sloSchema(words && Object.keys(words.services))).default({}),
    alerts: fields({
      rules: text("the path of a file of Prometheus' rules, relative to this file").refine(
        (rules) => words?.hasFile(rules) !== false,
        { error: "expected a file that exists" },
      ),
      scale: z.number({ error: "expected a number" }).min(1, { error: "expected at least 1" }).default(1),
    }).optional(),
    limits: limitsSchema(words && { parts: callees ?? [], edges: words.edges }).prefault({}),
  });
}

type Parsed = z.output<ReturnType<typeof targetSchema>>;

/** A process of the target: a service of the fleet, or a part of the outside world (which calls nothing). */
export interface Part {
  readonly command: readonly string[];
  /** By port name: `http`, `smtp`. */
  readonly ports: Readonly<Record<string, PortSpec>>;
  readonly ready: string;
  readonly metrics?: string | undefined;
}

export interface Service extends Part {
  /** By callee: a service, a part of the outside world or a store. */
  readonly calls: Readonly<Record<string, Call>>;
}

/** Rows read when the run has settled, past the proxies. */
export type Observation = Readonly<Parsed["observations"][string]>;

/** What must be true of the rows of an observation. */
export type Invariant = Readonly<{ id: string } & Parsed["invariants"][string]>;

/** What a service promises of its answers. */
export type Slo = Readonly<{ id: string } & Parsed["slos"][string]>;

/** Alerts that experiments may expect to fire, or to stay silent. */
export interface Alerts {
  /** Absolute path of a file of Prometheus' rules. */
  readonly rules: string;
  /** How many times shorter the windows of its rules are than those of the rules in production. */
  readonly scale: number;
}

export interface Target {
  /** Absolute path of the target's file, and of its folder: where commands run. */
  readonly file: string;
  readonly folder: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly settings: Readonly<Record<string, Setting>>;
  /** Kept for as long as the target is: each start of the fleet finds what the last one left there. */
  readonly folders: Readonly<Record<string, Folder>>;
  /** Where it runs as containers of Compose. */
  readonly containers?:
    | {
        readonly project?: string | undefined;
        /** Containers that are no part of the project, and may be touched all the same: by part, their names. */
        readonly foreign: Readonly<Record<string, string>>;
        /** An image with `sh` and `iptables`, for what is done to a container's network from beside it. */
        readonly tools?: string | undefined;
      }
    | undefined;
  /** The service that clients call. */
  readonly entry: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly outside: Readonly<Record<string, Part>>;
  readonly stores: Readonly<Record<string, Store>>;
  readonly journeys: {
    /** Absolute path. */
    readonly module: string;
    readonly names: readonly string[];
    /** By mix: the weight of each journey. */
    readonly mixes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
  readonly observations: Readonly<Record<string, Observation>>;
  readonly invariants: readonly Invariant[];
  readonly slos: readonly Slo[];
  readonly alerts?: Alerts | undefined;
  /** How far faults may go. */
  readonly limits: Limits;
  /** The document as written: what the run folder keeps, and `parseTarget` reads again. */
  readonly document: unknown;
}

/** Every edge of a target, the clients' first. */
export function edgesOf(target: Target): readonly Edge[] {
  return [
    { caller: clientName, callee: target.entry },
    ...Object.entries(target.services).flatMap(([caller, service]) =>
      Object.keys(service.calls).map((callee) => ({ caller, callee })),
    ),
  ];
}

/** Whether a call is made only while another callee fails. */
export function isStandby({ services }: Target, caller: string, callee: string): boolean {
  return services[caller]?.calls[callee]?.standby === true;
}

/** What a part of the target is, by name; the client is none of these. */
export function kindOf(target: Target, name: string): "service" | "outside" | "store" | undefined {
  if (Object.hasOwn(target.services, name)) return "service";
  if (Object.hasOwn(target.outside, name)) return "outside";
  return Object.hasOwn(target.stores, name) ? "store" : undefined;
}

/** Value of every setting: the target's default, unless `chosen` has it. */
export function settingsOf(
  target: Target,
  chosen: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(target.settings).map(([name, setting]) => [name, chosen[name] ?? setting.default]),
  );
}

/** The journeys that a name stands for, with their weights: a mix, or one journey. `undefined` when it is neither. */
export function mixOf(target: Target, journey: string): Readonly<Record<string, number>> | undefined {
  const mix = Object.hasOwn(target.journeys.mixes, journey) ? target.journeys.mixes[journey] : undefined;
  return mix ?? (target.journeys.names.includes(journey) ? { [journey]: 1 } : undefined);
}
