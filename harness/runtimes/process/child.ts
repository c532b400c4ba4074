import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { formatAddress, type Address } from "../../base/address.ts";
import { SquallError, messageOf } from "../../base/errors.ts";
import { waitFor } from "../../base/wait.ts";
import type { Part } from "../../target/target.ts";
import { markOf, type FleetProcess } from "./fleet-state.ts";
import { identify } from "../process-identity.ts";
import type { StateFolder } from "../state-folder.ts";

/** The user as whom a process runs; absent: the one who runs Squall. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

export interface ChildSpec extends Pick<FleetProcess, "name" | "role"> {
  /** The program and its arguments; `node` is the Node that runs Squall. */
  readonly command: readonly string[];
  readonly folder: string;
  /** All that it gets beside what every child gets: {@link inheritedVariables} and the fleet's mark. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly runAs?: RunAs | undefined;
}

/** A process of the fleet that lives on when the one who started it ends. */
export interface Child extends FleetProcess {
  /** How it ended, "exit code 1"; `undefined` while it runs. */
  readonly ended: () => string | undefined;
  /** The last lines it logged. */
  readonly lastLines: () => string;
}

/** What a program needs of the user's environment to run at all. */
const inheritedVariables = ["PATH", "HOME", "TMPDIR", "TZ", "LANG"];

export function childEnvironment(
  folder: StateFolder,
  spec: Pick<ChildSpec, "name" | "role" | "environment">,
): Record<string, string> {
  const inherited = inheritedVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ...spec.environment, ...markOf(folder, spec) };
}

/**
 * Starts a process of the fleet, in a process group of its own so that Ctrl-C at the terminal does not reach it.
 * @throws {SQUALL_FLEET_START} when the program cannot be run
 */
export async function startChild(folder: StateFolder, spec: ChildSpec): Promise<Child> {
  const [program = "", ...args] = spec.command;
  const log = openSync(spec.logFile, "a");
  const startBytes = fstatSync(log).size; // of starts before this one
  let end: string | undefined;
  let pid: number | undefined;
  try {
    const child = spawn(program === "node" ? process.execPath : program, args, {
      cwd: spec.folder,
      env: childEnvironment(folder, spec),
      stdio: ["ignore", log, log],
      detached: true,
      ...spec.runAs,
    });
    child.once("exit", (code, signal) => {
      end = signal === null ? `exit code ${code}` : `signal ${signal}`;
    });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    pid = child.pid;
  } catch (error) {
    throw new SquallError("SQUALL_FLEET_START", `${spec.name} cannot be started: ${messageOf(error)}`, {
      hint: `its command is: ${spec.command.join(" ")}`,
      cause: error,
    });
  } finally {
    closeSync(log);
  }
  if (pid === undefined) throw new Error(`${spec.name} was spawned and has no pid`);
  const { name, role, ...start } = spec;
  return {
    name,
    role,
    pid,
    startTime: identify(pid)?.startTime,
    start: { ...start, command: [...start.command] },
    ended: () => end,
    lastLines: () => lastLinesOf(spec.logFile, startBytes),
  };
}

export interface ReadyOptions {
  readonly withinMs: number;
  readonly signal: AbortSignal;
  /** Resolves to true once the child is ready; what it throws counts as "not yet". */
  readonly probe: () => Promise<boolean>;
}

/**
 * Waits until a child is ready.
 * @throws {SQUALL_FLEET_START} when it ends first or is not ready in time, with the last lines it logged
 */
export async function untilReady(child: Child, { withinMs, signal, probe }: ReadyOptions): Promise<void> {
  let end: string | undefined;
  try {
    await waitFor({ what: `${child.name} to be ready`, withinMs, everyMs: 50, signal }, async () => {
      end = child.ended();
      return end !== undefined || (await probe());
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw notReady(child, messageOf(error));
  }
  if (end === undefined) return;
  await delay(0); // what it wrote last
  throw notReady(child, `ended with ${end} before it was ready`);
}

/** A service has to migrate and to seed, on a busy machine. */
const answeredWithinMs = 30_000;

/** Waits until a child answers `GET url` with 200. @throws as {@link untilReady} */
export async function untilAnswered(child: Child, url: string, signal: AbortSignal): Promise<void> {
  const probe = (): Promise<boolean> => isAnswered(url, signal);
  await untilReady(child, { withinMs: answeredWithinMs, signal, probe });
}

/** @throws when the answer to `GET url` is another than 200, or there is none */
export async function isAnswered(url: string, signal: AbortSignal): Promise<true> {
  const status = await statusOf(url, signal);
  if (status !== 200) throw new Error(`GET ${url} answered ${status}`);
  return true;
}

/** Where a process of a part tells whether it is ready. */
export function readyUrl(
  { ready }: Pick<Part, "ready">,
  addresses: Readonly<Record<string, Address>>,
): string {
  const { http } = addresses;
  if (http === undefined) throw new Error("a part without a port http");
  return `http://${formatAddress(http)}${ready}`;
}

function notReady(child: Child, how: string): SquallError {
  const lines = child.lastLines();
  return new SquallError(
    "SQUALL_FLEET_START",
    `${child.name}: ${how}${lines === "" ? "" : `; it logged last:\n${lines}`}`,
  );
}

/** Status of a GET; rejects when there is no answer in time. @param withinMs @default 1000 */
export async function statusOf(url: string, signal: AbortSignal, withinMs = 1_000): Promise<number> {
  const response = await fetch(url, {
    headers: { connection: "close" }, // one that is kept would hold up the end of who answered
    signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
  });
  await response.body?.cancel();
  return response.status;
}

const maxLines = 6;
const maxLineLength = 400;

function lastLinesOf(file: string, startBytes: number): string {
  return readFileSync(file)
    .toString("utf8", startBytes)
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "" && !/^\s+at /.test(line)) // a stack would push out what was said
    .slice(-maxLines)
    .map((line) => `  ${line.slice(0, maxLineLength)}`)
    .join("\n");
}
