import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import type { Target } from "../../target/target.ts";
import { changedContainer, type Stacks } from "./changed-container.ts";
import { untilReady } from "./container-ready.ts";
import { ask } from "./docker-engine.ts";
import { containerOf, stateOf } from "./stack.ts";

const endedSchema = z.object({ project: z.string(), container: z.string() });

/** The container is there already, running or not: what was asked for is so. */
export const notModified = 304;

/** What starting a container again takes. @throws {SQUALL_UNSUPPORTED} when it does not run: then nothing can end it */
export async function runningBefore(
  stacks: Stacks,
  target: Target,
  process: string,
): Promise<z.output<typeof endedSchema>> {
  const stack = await stacks(target);
  const { id, info } = await containerOf(stack, process);
  if (info.State.Running) return { project: stack.project, container: id };
  throw new SquallError("SQUALL_UNSUPPORTED", `${process} does not run: its container is ${stateOf(info)}`);
}

/**
 * Starts a container that was ended, unless it runs, and waits until it is ready.
 * Docker's restart policy does not do it: who ends a container by Docker meant it. One that is struck down just now, since
 * whoever did it died over it, runs a moment longer: so it is looked at again and again.
 */
export async function startAgain(
  stacks: Stacks,
  target: Target,
  process: string,
  record: unknown,
  signal: AbortSignal,
): Promise<void> {
  const before = endedSchema.parse(record);
  const stack = await stacks(target, before.project);
  await untilReady(stack, process, signal, async () => {
    const { id, info } = await changedContainer(stack, process, before.container);
    if (!info.State.Running)
      await ask(`start ${process}`, stack.docker.getContainer(id).start(), [notModified]);
  });
}
