import { resolve } from "node:path";
import { SquallError } from "../../base/errors.ts";
import { parseDurationMs } from "../../base/units.ts";
import { parseYamlText, problemsIn } from "../../base/yaml-document.ts";
import { arrivalProblems, arrivalsSchema, steadyRate, type ArrivalShape } from "../../experiment/arrivals.ts";
import type { ArrivalPlan } from "../../load/arrivals/arrival-plan.ts";
import type { UsersPlan } from "../../load/virtual-users.ts";

/** What the command line says of a load, as it was typed. */
export interface LoadFlags {
  readonly rate?: string;
  readonly even?: true;
  readonly arrivals?: string;
  readonly for: string;
  readonly url?: string;
  readonly mix?: string;
  readonly users?: string;
  readonly maxUsers?: string;
  readonly connections: string;
  readonly timeout: string;
  readonly seed: string;
  readonly target?: string;
  readonly out?: string;
  readonly allowRemote?: true;
  readonly ca?: string;
  readonly insecure?: true;
  readonly hdr?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** How much load, by whom and how: what the flags mean, whatever the load is of. */
export interface LoadShape {
  readonly arrivals: ArrivalPlan;
  readonly users?: UsersPlan;
  readonly maxConnections: number;
  readonly timeoutMs: number;
  /** As `--mix` says; undefined without it. */
  readonly mix: Readonly<Record<string, number>> | undefined;
}

const longestMs = 24 * 3_600_000;
const mostUsers = 1_000_000;
const mostConnections = 10_000;

/** @throws {SQUALL_USAGE} with every problem, in the words of the flags */
export function shapeOf(flags: LoadFlags): LoadShape {
  const problems: string[] = [];
  const refuse = (flag: string, expected: string, given: string): undefined => {
    problems.push(`--${flag}: expected ${expected}, got "${given}"`);
    return undefined;
  };
  const within = (
    flag: string,
    value: number | undefined,
    given: string,
    expected: string,
    [least, most]: readonly [number, number],
  ): number => {
    if (value !== undefined && value >= least && value <= most) return value;
    refuse(flag, expected, given);
    return least;
  };
  const whole = (flag: string, given: string, most: number): number =>
    within(flag, /^\d+$/.test(given) ? Number(given) : undefined, given, `a whole number from 1 to ${most}`, [
      1,
      most,
    ]);

  const durationMs = within(
    "for",
    parseDurationMs(flags.for),
    flags.for,
    'a duration such as "30s", up to 24h',
    [1, longestMs],
  );
  const timeoutMs = within(
    "timeout",
    parseDurationMs(flags.timeout),
    flags.timeout,
    'a duration such as "10s", up to 10m',
    [1, 600_000],
  );
  const maxConnections = whole("connections", flags.connections, mostConnections);
  const drawn = flags.users === undefined ? undefined : whole("users", flags.users, mostUsers);
  const most = flags.maxUsers === undefined ? undefined : whole("max-users", flags.maxUsers, mostUsers);
  if (drawn !== undefined && most !== undefined)
    problems.push("--max-users: with --users there are never more than those: leave out one of the two");
  const mix =
    flags.mix === undefined ? undefined : (weightsIn(flags.mix) ?? refuse("mix", weightsText, flags.mix));
  const shape = arrivalsIn(flags, durationMs, problems);
  if (problems.length > 0)
    throw new SquallError("SQUALL_USAGE", problems.join("\n"), { hint: "squall load --help shows how" });
  return {
    arrivals: { ...(shape ?? defaultShape), durationMs },
    maxConnections,
    timeoutMs,
    mix,
    ...(drawn === undefined ? {} : { users: { kind: "drawn", of: drawn } }),
    ...(most === undefined ? {} : { users: { kind: "as-needed", most } }),
  };
}

const weightsText = 'journeys and weights such as "browse=3,buy=1", each weight above 0';

/** "browse=3,buy=1" -> weights; undefined for what is none. */
function weightsIn(given: string): Readonly<Record<string, number>> | undefined {
  const weights = given.split(",").map((part) => /^\s*([^=\s]+)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(part));
  const entries = weights.map((match) => [match?.[1] ?? "", Number(match?.[2])] as const);
  return entries.every(([name, weight]) => name !== "" && weight > 0)
    ? Object.fromEntries(entries)
    : undefined;
}

const defaultShape = { kind: "poisson", ratePerSecond: 10 } as const;

/** The shape that `--rate`, `--even` and `--arrivals` describe; undefined where there is a problem, which is added. */
function arrivalsIn(
  { rate, even, arrivals }: LoadFlags,
  durationMs: number,
  problems: string[],
): ArrivalShape | undefined {
  if (rate !== undefined && arrivals !== undefined)
    problems.push("--arrivals: there is a --rate already: leave out one of the two");
  if (arrivals === undefined) {
    const parsed = steadyRate().safeParse(rate ?? `${defaultShape.ratePerSecond}/s`);
    if (parsed.success) return { kind: even === true ? "constant" : "poisson", ratePerSecond: parsed.data };
    problems.push(...parsed.error.issues.map(({ message }) => `--rate: ${message}, got "${rate}"`));
    return undefined;
  }
  const refuse = (path: string, message: string): number =>
    problems.push(`--arrivals${path === "" ? "" : ` ${path}`}: ${message}`);
  try {
    const document = parseYamlText(`{${arrivals}}`, "--arrivals", "shape of arrivals");
    for (const { path, message } of problemsIn(document, arrivalsSchema)) refuse(path, message);
    const parsed = arrivalsSchema.safeParse(document.value);
    if (!parsed.success) return undefined;
    const spacing = even === true ? "even" : "poisson";
    const shape: ArrivalShape =
      parsed.data.kind === "replay"
        ? { ...parsed.data, file: resolve(parsed.data.file) }
        : { ...parsed.data, spacing };
    for (const { path, message } of arrivalProblems(shape, durationMs)) refuse(path.join("."), message);
    return shape;
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    refuse("", `expected a shape such as "ramp: {from: 10/s, to: 200/s, over: 30s}", got "${arrivals}"`);
    return undefined;
  }
}
