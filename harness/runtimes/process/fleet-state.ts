import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { SquallError, messageOf, systemErrorCode } from "../../base/errors.ts";
import { jsonIn } from "../../base/json.ts";
import { findMarked, type ProcessIdentity } from "../process-identity.ts";
import { anotherUsers, type StateFolder } from "../state-folder.ts";

/**
 * What a fleet consists of, on disk at every moment of its life, so that whoever finds it can use it or end it.
 * Written anew after each process that is started; a process started but not yet written is found by its environment.
 */

const addressSchema = z.object({ host: z.string(), port: z.int() });

/** What a process is to the fleet: decides how it is ended, and when. */
const roleSchema = z.enum(["service", "outside", "proxy", "receiver", "store", "setup"]);
export type Role = z.output<typeof roleSchema>;

/** All that is needed to start a process again as it was. The fleet's secrets are in it. */
const startSchema = z.object({
  command: z.array(z.string()),
  folder: z.string(),
  environment: z.record(z.string(), z.string()),
  logFile: z.string(),
  runAs: z.object({ uid: z.int(), gid: z.int() }).optional(),
});

const fleetProcessSchema = z.object({
  name: z.string(),
  role: roleSchema,
  pid: z.int(),
  startTime: z.string().optional(),
  /** It was asked to end, though it may still answer. */
  isEnding: z.boolean().optional(),
  /** Absent for a process that was found by its mark. */
  start: startSchema.optional(),
});
export type FleetProcess = Readonly<z.output<typeof fleetProcessSchema>>;

/** A process of a service that calls are sent to; it is in the list of processes by its name. */
const replicaSchema = z.object({ name: z.string(), addresses: z.record(z.string(), addressSchema) });
export type RecordedReplica = Readonly<z.output<typeof replicaSchema>>;

const fleetStateSchema = z.object({
  schemaVersion: z.literal(2),
  /** False until every part is ready. */
  isReady: z.boolean(),
  /** False for a fleet that should have ended with its run. */
  isKept: z.boolean(),
  startedAtMs: z.number(),
  seed: z.string(),
  settings: z.record(z.string(), z.string()),
  logsFolder: z.string(),
  proxyApi: z.string(),
  entry: z.string(),
  receiver: z.string(),
  edges: z.array(
    z.object({
      caller: z.string(),
      callee: z.string(),
      proxy: z.string(),
      listen: addressSchema,
      upstream: addressSchema,
    }),
  ),
  /** Of the outside world; those of services are with their replicas. */
  outside: z.record(z.string(), z.record(z.string(), addressSchema)),
  /** By service, the oldest first. */
  replicas: z.record(z.string(), z.array(replicaSchema)),
  stores: z.record(z.string(), z.string()),
  processes: z.array(fleetProcessSchema),
});
export type FleetState = Readonly<z.output<typeof fleetStateSchema>>;

/** Replaces the file as a whole: a reader sees the one before or this one, however the writer ends. */
export function writeFleetState(folder: StateFolder, state: FleetState): void {
  const whole = `${folder.fleet}.new`;
  // The stores' passwords are in it, and the services' environments.
  writeFileSync(whole, JSON.stringify(state, undefined, 2), { mode: 0o600 });
  renameSync(whole, folder.fleet);
}

/**
 * The fleet that is on record; `undefined` when there is none, or when the file is of another version of Squall.
 * @throws {SQUALL_FILE} when it cannot be read
 */
export function readFleetState(folder: StateFolder): FleetState | undefined {
  let content: string;
  try {
    content = readFileSync(folder.fleet, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new SquallError("SQUALL_FILE", `cannot read ${folder.fleet}: ${messageOf(error)}`, {
      hint: anotherUsers(folder),
      cause: error,
    });
  }
  return fleetStateSchema.safeParse(jsonIn(content)).data; // what is no JSON is nobody's record
}

/** The process of a replica, alive or not. */
export function processOf(state: FleetState, { name }: RecordedReplica): FleetProcess | undefined {
  return state.processes.find((process) => process.role === "service" && process.name === name);
}

export function removeFleetState(folder: StateFolder): void {
  rmSync(folder.fleet, { force: true });
  rmSync(`${folder.fleet}.new`, { force: true });
}

const fleetVariable = "SQUALL_FLEET";
const partVariable = "SQUALL_PART";

/** Variables by which a process is known as part of the fleet even if nobody lived to write it down. */
export function markOf(folder: StateFolder, { role, name }: Pick<FleetProcess, "role" | "name">) {
  return { [fleetVariable]: folder.path, [partVariable]: `${role}/${name}` };
}

/** Processes that carry the fleet's mark, those that parts of it started among them. */
export function findFleetProcesses(folder: StateFolder): readonly FleetProcess[] {
  return findMarked(fleetVariable, folder.path).map(({ pid, startTime, environment }) => {
    const [role, name] = environment.get(partVariable)?.split("/") ?? [];
    const identity: ProcessIdentity = { pid, startTime };
    return { ...identity, name: name ?? "unknown", role: roleSchema.safeParse(role).data ?? "service" };
  });
}
