import { endProcesses } from "./end-processes.ts";
import {
  findFleetProcesses,
  readFleetState,
  removeFleetState,
  type FleetProcess,
  type Role,
} from "./fleet-state.ts";
import { removeData } from "./postgres-home.ts";
import { isAlive } from "../process-identity.ts";
import type { StateFolder } from "../state-folder.ts";
import { holdRecordToEnd } from "./hold-record.ts";

/** Those who call are ended before those who are called, so that nobody logs errors about it. */
const order: readonly (readonly Role[])[] = [
  ["setup", "service", "outside"],
  ["proxy", "receiver"],
  ["store"],
];

/**
 * Ends all that runs of a fleet, by its record and by the mark that its processes carry, and removes its data. The one
 * way in which a fleet ends: its own stop, a start that failed, and the recovery of one whose owner was killed.
 * @returns what was ended or removed, one line each; empty when nothing was left
 * @throws {SQUALL_TIMEOUT} when a process survives even SIGKILL
 */
export async function endFleet(folder: StateFolder): Promise<readonly string[]> {
  await using _held = await holdRecordToEnd(folder);
  const ended: FleetProcess[] = [];
  for (const roles of order) {
    const due = fleetProcesses(folder).filter(({ role }) => roles.includes(role));
    ended.push(...(await endProcesses(due)));
  }
  // What a part started and left behind when it ended.
  for (let rest = findFleetProcesses(folder); rest.length > 0; rest = findFleetProcesses(folder))
    ended.push(...(await endProcesses(rest.map((process) => ({ ...process, role: "setup" as const })))));

  const removed = await removeData(folder);
  removeFleetState(folder);
  return [
    ...new Map(ended.map(({ pid, name }) => [pid, `ended ${name} (process ${pid})`])).values(),
    ...removed.map((path) => `removed ${path}`),
  ];
}

/** What runs of a fleet: what is on record and what carries its mark. */
export function fleetProcesses(folder: StateFolder): readonly FleetProcess[] {
  const recorded = readFleetState(folder)?.processes.filter(isAlive) ?? [];
  const known = new Set(recorded.map(({ pid }) => pid));
  return [...recorded, ...findFleetProcesses(folder).filter(({ pid }) => !known.has(pid))];
}
