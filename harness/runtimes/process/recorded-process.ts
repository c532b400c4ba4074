import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import type { Target } from "../../target/target.ts";
import type { ChangeRecord } from "../process-change.ts";
import { readFleetState, writeFleetState, type FleetProcess, type FleetState } from "./fleet-state.ts";
import { isAlive } from "../process-identity.ts";
import { stateFolderOf, type StateFolder } from "../state-folder.ts";

/**
 * The process of a service or a store, as the record of its fleet has it: whoever did not start the fleet can find, change
 * and start it by that.
 */
export interface RecordedProcess {
  readonly folder: StateFolder;
  readonly state: FleetState;
  readonly process: FleetProcess;
}

/**
 * What is changed when a service or a store is named: of a service, its oldest replica.
 * @throws {SQUALL_NO_FLEET} when no such process is on record
 */
export function recordedProcess(target: Target, name: string): RecordedProcess {
  const folder = stateFolderOf(target);
  const state = readFleetState(folder);
  const wanted = state?.replicas[name]?.[0]?.name ?? name; // after a restart it has another name
  const process = state && find(state, wanted);
  if (state !== undefined && process !== undefined) return { folder, state, process };
  throw new SquallError("SQUALL_NO_FLEET", `no service or store ${name} is on record in ${folder.path}`);
}

/** @throws as {@link recordedProcess}, also when it has ended */
export function requireAlive(target: Target, name: string): FleetProcess {
  const { process } = recordedProcess(target, name);
  if (isAlive(process)) return process;
  throw new SquallError("SQUALL_NO_FLEET", `${process.name} does not run`);
}

const beforeSchema = z.object({ process: z.string() });

/** What taking a change back needs: which of the processes it was. @throws as {@link recordedProcess} */
export async function beforeOf(target: Target, name: string): Promise<ChangeRecord> {
  return { process: recordedProcess(target, name).process.name };
}

/**
 * The process that was changed; `undefined` when its service goes on without it, since somebody has replaced it.
 * @throws {SQUALL_NO_FLEET} when the service or store is gone altogether
 */
export function changedProcess(
  target: Target,
  name: string,
  before: ChangeRecord,
): RecordedProcess | undefined {
  const { folder, state } = recordedProcess(target, name);
  const was = beforeSchema.parse(before).process;
  // The process of a replica that is off the record may be on record a while longer.
  const isReplaced = state.replicas[name]?.some((replica) => replica.name === was) === false;
  const process = isReplaced ? undefined : find(state, was);
  return process && { folder, state, process };
}

/** The record may have changed while the process was. */
export function record(folder: StateFolder, before: FleetProcess, after: FleetProcess): void {
  const state = readFleetState(folder);
  if (state === undefined) return;
  const processes = state.processes.map((one) => (one.pid === before.pid ? after : one));
  writeFleetState(folder, { ...state, processes });
}

function find({ processes }: FleetState, name: string): FleetProcess | undefined {
  return processes.find((one) => one.name === name && (one.role === "service" || one.role === "store"));
}
