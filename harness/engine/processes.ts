import type { Experiment } from "../experiment/experiment.ts";
import { changeOf } from "../runtimes/process-change.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";

/** The processes of the fleet that is broken, and who can change them. */
export interface Processes {
  readonly runtime: Runtime;
  readonly target: Target;
}

/** A process that was ended has to start, and a store to recover, on a busy machine. */
export const takenBackWithinMs = 40_000;

/** @throws {SQUALL_UNSUPPORTED} where the experiment breaks processes in a way that the runtime cannot */
export function requireChanges(runtime: Runtime, { faults }: Pick<Experiment, "faults">): void {
  for (const fault of faults)
    if (fault.kind === "kill") changeOf(runtime, "kill", `kill of ${fault.process}`);
}
