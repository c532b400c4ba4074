import { InvalidArgumentError, Option, type Command } from "commander";
import { parse as parseYaml } from "yaml";
import { SquallError, messageOf } from "../base/errors.ts";
import { unknownName } from "../base/fields.ts";
import { edgeFaultKinds, type EdgeFault } from "../experiment/fault.ts";

/**
 * Faults on the command line: what an experiment writes as `delay: 3s` is `--delay 3s` here, by the same name. The fault's
 * schema decides which field a kind has; the flags only read what was typed into what a file would hold.
 */

export type FlagValues = Readonly<Record<string, unknown>>;

interface FieldFlag {
  /** "--delay <duration>" */
  readonly flag: string;
  readonly description: string;
  /** @default the text as it is */
  readonly read?: (given: string, before: unknown) => unknown;
}

/** By heading of the help. */
const groups: Readonly<Record<string, readonly FieldFlag[]>> = {
  "Of several kinds:": [
    {
      flag: "--stream <direction>",
      description:
        "downstream (the answer) or upstream; all of connections, http-truncate, -corrupt, -header",
    },
    {
      flag: "--delay <duration>",
      description: "latency, slicer, slow-close, http-delay, http-duplicate, pg-delay",
    },
    { flag: "--jitter <duration>", description: "latency, http-delay, pg-delay: how much delays differ" },
    { flag: "--distribution <name>", description: "of the same: uniform, normal, pareto or replay" },
    {
      flag: "--values <durations>",
      description: "of the same: the delays to replay, 5ms,50ms,8ms",
      read: readList,
    },
    { flag: "--rate <rate>", description: "bandwidth: 30KB/s; http-rate-limit: 5/s" },
    {
      flag: "--after <what>",
      description:
        "timeout, reset-peer: a duration; http-*, pg-*: a fault that must have been felt, or '{match: POST /orders}'",
      read: readText,
    },
  ],
  "Of connections:": [
    { flag: "--toxicity <share>", description: "share of new connections that are touched" },
    { flag: "--average-size <size>", description: "slicer" },
    { flag: "--size-variation <size>", description: "slicer" },
    { flag: "--size <size>", description: "limit-data" },
  ],
  "Of calls (http-*, pg-*), which ones; all unless said:": [
    {
      flag: "--match <call>",
      description: "'POST /orders/:id', 'update stock', or '{method: POST, headers: {x-shard: a}}'",
      read: readText,
    },
    { flag: "--nth <number>", description: "only the nth of those that match", read: readNumber },
    { flag: "--every <number>", description: "every nth of them", read: readNumber },
    { flag: "--times <number>", description: "at most so many", read: readNumber },
    { flag: "--probability <share>", description: "drawn for each call" },
  ],
  "Of calls, what is done to them:": [
    { flag: "--status <number>", description: "http-status", read: readNumber },
    { flag: "--body <text>", description: "http-status" },
    { flag: "--headers <name: value>", description: "http-status; repeatable", read: readHeader },
    { flag: "--before <moment>", description: "http-delay: call, answer or piece" },
    { flag: "--when <moment>", description: "http-abort: before-call or after-head" },
    { flag: "--then <ending>", description: "http-lost-response: reset, close or hang" },
    { flag: "--bytes <size>", description: "http-truncate, http-corrupt" },
    { flag: "--field <pointer>", description: "http-corrupt: a field of a JSON body, /total" },
    { flag: "--value <json>", description: "http-corrupt: what the field becomes", read: readJson },
    { flag: "--set <name: value>", description: "http-header; repeatable", read: readHeader },
    { flag: "--remove <name>", description: "http-header; repeatable", read: readAnother },
    { flag: "--burst <number>", description: "http-rate-limit: calls at once", read: readNumber },
    { flag: "--retry-after <duration>", description: "http-rate-limit: in whole seconds" },
    { flag: "--code <sqlstate>", description: "pg-error: 40001" },
    { flag: "--message <text>", description: "pg-error" },
  ],
};

/** The kinds, beneath the flags. */
export const kindsHelp = [
  "",
  "Kinds (an underscore is as good as a hyphen):",
  ...kindLines("connections", /^(?!http-|pg-)/),
  ...kindLines("HTTP calls", /^http-/),
  ...kindLines("statements", /^pg-/),
].join("\n");

function kindLines(what: string, kinds: RegExp): readonly string[] {
  const names = edgeFaultKinds.filter((kind) => kinds.test(kind));
  const rows = [names.slice(0, 6), names.slice(6)].filter((row) => row.length > 0);
  return rows.map((row, index) => `  ${(index === 0 ? `of ${what}` : "").padEnd(16)}${row.join(", ")}`);
}

export function addFieldFlags(command: Command): void {
  for (const [heading, flags] of Object.entries(groups))
    for (const { flag, description, read } of flags) {
      const option = new Option(flag, description).helpGroup(heading);
      command.addOption(read === undefined ? option : option.argParser(read));
    }
}

/** A kind of fault as an experiment writes it, from `http_status` or `http-status`. */
export function readKind(given: string): EdgeFault["kind"] {
  const wanted = given.replaceAll("_", "-");
  const kind = edgeFaultKinds.find((known) => known === wanted);
  if (kind === undefined) throw new InvalidArgumentError(unknownName("kind of fault", given, edgeFaultKinds));
  return kind;
}

/** The fields that were given as flags. */
export function fieldsFrom(flags: FlagValues): FlagValues {
  const names = Object.values(groups).flatMap((group) => group.map(({ flag }) => new Option(flag)));
  return Object.fromEntries(
    names.flatMap((option) => {
      const value = flags[option.attributeName()];
      return value === undefined ? [] : [[option.name(), value]];
    }),
  );
}

function readNumber(given: string): unknown {
  return /^\d+$/.test(given) ? Number(given) : given;
}

function readList(given: string): readonly string[] {
  return given.split(",").map((item) => item.trim());
}

function readText(given: string): unknown {
  if (!given.trimStart().startsWith("{")) return given;
  try {
    return parseYaml(given) as unknown;
  } catch (error) {
    throw new SquallError("SQUALL_USAGE", `expected a mapping in braces, got ${given}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function readJson(given: string): unknown {
  try {
    return JSON.parse(given) as unknown;
  } catch (error) {
    throw new SquallError("SQUALL_USAGE", `--value: expected JSON such as 0 or '"text"', got ${given}`, {
      cause: error,
    });
  }
}

function readHeader(given: string, before: unknown): unknown {
  const colon = given.indexOf(":");
  if (colon < 1) throw new InvalidArgumentError('expected "name: value"');
  const name = given.slice(0, colon).trim();
  return { ...(before as object | undefined), [name]: given.slice(colon + 1).trim() };
}

function readAnother(given: string, before: unknown): unknown {
  return [...((before as readonly string[] | undefined) ?? []), given];
}
