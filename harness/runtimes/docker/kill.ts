import type { Nothing, ProcessChange } from "../process-change.ts";
import type { Stacks } from "./changed-container.ts";
import { ask } from "./docker-engine.ts";
import { containerOf } from "./stack.ts";
import { doesNotRun, runningBefore, startEnded } from "./start-again.ts";

/** All of a container's processes end as in a crash. */
export function kill(stacks: Stacks): ProcessChange<Nothing> {
  return {
    how: "SIGKILL (docker kill)",
    before: (target, process) => runningBefore(stacks, target, process),
    async make(target, process, _, signal) {
      const stack = await stacks(target);
      const { id } = await containerOf(stack, process);
      const container = stack.docker.getContainer(id);
      signal.throwIfAborted();
      await ask(`kill ${process}`, container.kill(), [doesNotRun]);
      await ask(
        `wait for the end of ${process}`,
        container.wait({ condition: "not-running", abortSignal: signal }),
      );
    },
    takeBack: (target, process, before, signal) => startEnded(stacks, target, process, before, signal),
  };
}
