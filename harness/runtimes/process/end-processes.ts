import { systemErrorCode } from "../../base/errors.ts";
import { waitFor } from "../../base/wait.ts";
import type { FleetProcess } from "./fleet-state.ts";
import { resume } from "./held-still.ts";
import { withDescendants } from "./memory.ts";
import { identify, isAlive } from "../process-identity.ts";

/** One try to end a process, and how long it is given for it. */
interface Blow {
  readonly signal: NodeJS.Signals;
  readonly withinMs: number;
}

/** Time after SIGKILL in which even a busy machine has taken a process away. */
const killWithinMs = 5_000;
const kill: Blow = { signal: "SIGKILL", withinMs: killWithinMs };

/** Services are asked to finish what they do; nobody waits for the rest. */
const graceful: readonly Blow[] = [{ signal: "SIGTERM", withinMs: 5_000 }, kill];
const prompt: readonly Blow[] = [{ signal: "SIGTERM", withinMs: 1_000 }, kill];
// To PostgreSQL, SIGINT means: now, but in order; SIGQUIT: now. Either one frees its shared memory, SIGKILL does not
// (nor for initdb, which runs one: hence its SIGTERM).
const postgres: readonly Blow[] = [
  { signal: "SIGINT", withinMs: 2_000 },
  { signal: "SIGQUIT", withinMs: 1_000 },
  kill,
];

/**
 * Ends processes, all at once, each as its role wants it.
 * @returns those that were still running
 * @throws {SQUALL_TIMEOUT} naming one that survived even SIGKILL
 */
export async function endProcesses(processes: readonly FleetProcess[]): Promise<readonly FleetProcess[]> {
  const running = processes.filter(isAlive);
  await Promise.all(running.map((process) => endProcess(process, blowsFor(process))));
  return running;
}

/**
 * Ends a process as its role wants it, given so long for it; by force after that.
 * @throws {SQUALL_TIMEOUT} when it survived even that
 * @throws the signal's reason, when it aborts first; the process may be about to end
 */
export async function endInOrder(
  process: FleetProcess,
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const [first, ...rest] = blowsFor(process);
  if (first !== undefined) await endProcess(process, [{ ...first, withinMs }, ...rest], signal);
}

/**
 * Ends a process by SIGKILL, as a crash would, with all that it started; resolves when none of it is left.
 * @throws {SQUALL_TIMEOUT} naming one that survived even that
 */
export async function endAtOnce(process: FleetProcess): Promise<void> {
  const started = [...withDescendants([process.pid])].filter((pid) => pid !== process.pid).map(identify);
  const rest = started.filter((identity) => identity !== undefined);
  const victims = [process, ...rest.map((identity) => ({ ...process, ...identity }))].filter(isAlive);
  for (const victim of victims) strike(victim, kill.signal);
  await Promise.all(victims.map((victim) => endProcess(victim, [kill])));
}

function blowsFor({ role }: FleetProcess): readonly Blow[] {
  switch (role) {
    case "service":
    case "outside":
      return graceful;
    case "proxy":
    case "receiver":
    case "setup":
      return prompt;
    case "store":
      return postgres;
  }
}

async function endProcess(target: FleetProcess, blows: readonly Blow[], over?: AbortSignal): Promise<void> {
  for (const { signal, withinMs } of blows) {
    if (!isAlive(target)) return;
    strike(target, signal);
    if (signal !== "SIGKILL") resume(target); // one that is held still would not hear
    try {
      const what = `${target.name} (process ${target.pid}) to end after ${signal}`;
      const waiting = { what, withinMs, everyMs: 10, ...(over === undefined ? {} : { signal: over }) };
      await waitFor(waiting, () => !isAlive(target));
      return;
    } catch (error) {
      over?.throwIfAborted();
      if (signal === "SIGKILL") throw error;
    }
  }
}

function strike({ pid, role }: FleetProcess, signal: NodeJS.Signals): void {
  // PostgreSQL tells its own children. Of a service, the whole process group is meant: it may be run by a shell.
  const isGroup = role !== "store";
  try {
    process.kill(isGroup ? -pid : pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== "ESRCH") throw error;
    if (isGroup) strike({ pid, role: "store", name: "" }, signal); // it leads no group: started by a part of the fleet
  }
}
