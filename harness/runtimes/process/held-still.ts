import { systemErrorCode } from "../../base/errors.ts";
import { waitFor } from "../../base/wait.ts";
import type { FleetProcess } from "./fleet-state.ts";
import { withDescendants } from "./memory.ts";
import { isAlive, stateOf } from "../process-identity.ts";

/**
 * Processes are held still with all that they started (SIGSTOP) and go on where they were (SIGCONT). The first of them is held
 * first and resumed last, so that it alone tells whether any of them may be held; and it starts no more meanwhile. A process
 * group would not do: PostgreSQL's servers of connections have groups of their own.
 */

/** A process in the midst of writing to a disk stops when that is done. */
const stillWithinMs = 5_000;

/** Resolves when none of them runs. @throws {SQUALL_TIMEOUT} @throws the signal's reason, when it aborts first */
export async function holdStill(process: FleetProcess, signal: AbortSignal): Promise<void> {
  const what = `${process.name} (process ${process.pid}) to be held still`;
  await waitFor({ what, withinMs: stillWithinMs, everyMs: 5, signal }, () => hold(process));
}

/** Asks all of them to stop. @returns whether none of them ran any more */
export function hold(process: FleetProcess): boolean {
  const running = familyOf(process).filter((pid) => !isHeld(pid));
  for (const pid of running) send(pid, "SIGSTOP");
  return running.length === 0;
}

/** Lets all of them go on; those that were not held do not notice. */
export function resume(process: FleetProcess): void {
  for (const pid of familyOf(process).toReversed()) send(pid, "SIGCONT");
}

/** Whether all of them are held. */
export function isHeldStill(process: FleetProcess): boolean {
  return isAlive(process) && familyOf(process).every(isHeld);
}

/** The process first; nobody when it is gone. */
function familyOf(process: FleetProcess): readonly number[] {
  return isAlive(process) ? [...withDescendants([process.pid])] : [];
}

/** One that has ended and waits to be reaped is as still as can be. */
function isHeld(pid: number): boolean {
  const state = stateOf(pid);
  return state === undefined || ["T", "t", "Z", "X"].includes(state);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== "ESRCH") throw error; // gone meanwhile
  }
}
