import type { ProcessChange } from "../process-change.ts";
import type { Stacks } from "./changed-container.ts";
import { ask } from "./docker-engine.ts";
import { containerOf } from "./stack.ts";
import { notModified, runningBefore, startEnded } from "./start-again.ts";

/** A container is asked to end (its stop signal), and killed where it does not. */
export function stop(stacks: Stacks): ProcessChange<{ readonly withinMs: number }> {
  return {
    how: "its stop signal (docker stop)",
    before: (target, process) => runningBefore(stacks, target, process),
    async make(target, process, { withinMs }, signal) {
      const stack = await stacks(target);
      const { id } = await containerOf(stack, process);
      signal.throwIfAborted();
      const wait = { t: Math.ceil(withinMs / 1_000), abortSignal: signal };
      await ask(`stop ${process}`, stack.docker.getContainer(id).stop(wait), [notModified]);
    },
    takeBack: (target, process, before, signal) => startEnded(stacks, target, process, before, signal),
  };
}
