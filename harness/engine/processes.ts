import { SquallError } from "../base/errors.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { canKill, type Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";

/** The processes of the fleet that is broken, by name. */
export interface Processes {
  /** Ends one at once, without a goodbye; resolves when it is gone. */
  kill(process: string): Promise<void>;
  /** Starts one again, unless it runs; resolves when it is ready. */
  start(process: string, signal: AbortSignal): Promise<void>;
}

/** A process that was killed has to start, and a store to recover, on a busy machine. */
export const processStartsWithinMs = 40_000;

/**
 * @returns nothing where the runtime cannot kill, and need not
 * @throws {SQUALL_UNSUPPORTED} where it cannot, and the experiment kills
 */
export function processesOf(
  runtime: Runtime,
  target: Target,
  { faults }: Pick<Experiment, "faults">,
): Processes | undefined {
  if (canKill(runtime))
    return {
      kill: (process) => runtime.killProcess(target, process),
      start: (process, signal) => runtime.startProcess(target, process, signal),
    };
  if (faults.every(({ kind }) => kind !== "kill")) return undefined;
  throw new SquallError("SQUALL_UNSUPPORTED", `the ${runtime.name} runtime cannot kill a process`, {
    hint: "leave the faults of kind kill out",
  });
}
