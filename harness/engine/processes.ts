import { SquallError } from "../base/errors.ts";
import type { Experiment, Fault } from "../experiment/experiment.ts";
import { isEdgeFault, isProcessFault } from "../experiment/fault.ts";
import { describeFault } from "../faults/fault.ts";
import { askedOf } from "../faults/process-fault.ts";
import { abilitiesOf, changeOf, type ChangeRequest } from "../runtimes/process-change.ts";
import { canScale, type Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";

/** The processes of the fleet that is broken, and who can change them. */
export interface Processes {
  readonly runtime: Runtime;
  readonly target: Target;
}

/** A process that was ended has to start, and a store to recover, on a busy machine. */
export const takenBackWithinMs = 40_000;

/** @throws {SQUALL_UNSUPPORTED} where the experiment breaks processes in a way that the runtime cannot */
export function requireAble(runtime: Runtime, { faults }: Pick<Experiment, "faults">): void {
  for (const fault of faults) {
    if (isEdgeFault(fault)) continue;
    if (isProcessFault(fault)) changeOf(runtime, askedOf(fault).change, `${fault.kind} on ${fault.process}`);
    else if (!canScale(runtime))
      throw new SquallError(
        "SQUALL_UNSUPPORTED",
        `the ${runtime.name} runtime cannot add and remove replicas (${fault.kind} on ${fault.service}); ${abilitiesOf(runtime)}`,
      );
  }
}

/**
 * Asks of each process that will be changed whether it can be, as it was started. Touches nothing.
 * @throws {SQUALL_UNSUPPORTED} naming the fault
 */
export async function requireChangeable(
  { runtime, target }: Processes,
  faults: readonly Fault[],
): Promise<void> {
  for (const fault of faults)
    if (isProcessFault(fault))
      await ask(runtime, target, fault.process, askedOf(fault), describeFault(fault));
}

async function ask<C extends ChangeRequest["change"]>(
  runtime: Runtime,
  target: Target,
  process: string,
  { change, wanted }: ChangeRequest<C>,
  what: string,
): Promise<void> {
  try {
    await changeOf(runtime, change).before(target, process, wanted);
  } catch (error) {
    if (!(error instanceof SquallError) || error.code !== "SQUALL_UNSUPPORTED") throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new SquallError(error.code, `${what}: ${error.message}`, { ...hint, cause: error });
  }
}
