import { z } from "zod";
import { SquallError, messageOf } from "../../base/errors.ts";
import type { Nothing, ProcessChange } from "../process-change.ts";
import { askAgain } from "./ask-again.ts";
import { changedContainer, type Stacks } from "./changed-container.ts";
import { untilReady } from "./container-ready.ts";
import { ask } from "./docker-engine.ts";
import { containerOf, type Stack } from "./stack.ts";
import { runningBefore } from "./start-again.ts";

const beforeSchema = z.object({ project: z.string(), container: z.string() });

/**
 * What the engine and runc say of a container that is not paused. For a moment after it was resumed the engine holds it to be, since
 * the news of the pause came late: whoever looks then, and resumes it once more, finds it done.
 */
const runsOn = /is not paused|cannot resume a running process/;

async function resume({ docker }: Stack, process: string, id: string): Promise<void> {
  try {
    await ask(`go on with ${process}`, docker.getContainer(id).unpause());
  } catch (error) {
    if (!runsOn.test(messageOf(error))) throw error;
  }
}

/** All of a container's processes stand still; its connections stay open. */
export function pause(stacks: Stacks): ProcessChange<Nothing> {
  return {
    how: "the freezer of its cgroup (docker pause)",
    async before(target, process) {
      const before = await runningBefore(stacks, target, process);
      const { info } = await containerOf(await stacks(target), process);
      if (!info.State.Paused) return before;
      throw new SquallError("SQUALL_UNSUPPORTED", `${process} is paused already, by somebody else`);
    },
    async make(target, process, _, signal) {
      const stack = await stacks(target);
      const { id, info } = await containerOf(stack, process);
      signal.throwIfAborted();
      if (info.State.Paused) return;
      await askAgain(`pause ${process}`, () => stack.docker.getContainer(id).pause(), { signal });
    },
    async evidence(target, process, record) {
      const before = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const { info } = await changedContainer(stack, process, before.container);
      return info.State.Paused
        ? { bit: true, detail: `${process} was held still to the end` }
        : { bit: false, detail: `${process} was not held still to the end: somebody else woke or ended it` };
    },
    async takeBack(target, process, record, signal) {
      const before = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const { id, info } = await changedContainer(stack, process, before.container);
      if (info.State.Paused) await resume(stack, process, id);
      // One that has ended meanwhile is not this change's to start.
      if (info.State.Running) await untilReady(stack, process, signal);
    },
  };
}
