import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import { formatSize } from "../../base/units.ts";
import type { ProcessChange } from "../process-change.ts";
import { askAgain } from "./ask-again.ts";
import { changedContainer, type Stacks } from "./changed-container.ts";
import { ask } from "./docker-engine.ts";
import { containerOf, type Stack } from "./stack.ts";
import { runningBefore, startAgain } from "./start-again.ts";

const beforeSchema = z.object({
  project: z.string(),
  container: z.string(),
  memory: z.number(),
  memorySwap: z.number(),
  startedAt: z.string(),
  /** How often it had met its limit until then. */
  met: z.number(),
});

/** Docker takes no less. */
const leastBytes = 6 * 1024 ** 2;

/**
 * A container gets less memory, swap included: `docker update --memory`. Where it takes more the kernel kills; then it is started
 * again when the limit is taken back.
 */
export function limitMemory(stacks: Stacks): ProcessChange<{ readonly bytes: number }> {
  return {
    how: "the memory limit of its cgroup (docker update)",
    async before(target, process, { bytes }) {
      if (bytes < leastBytes)
        throw new SquallError(
          "SQUALL_UNSUPPORTED",
          `Docker leaves a container ${formatSize(leastBytes)} of memory at least`,
        );
      const stack = await stacks(target);
      const { project, container } = await runningBefore(stacks, target, process);
      const { info } = await containerOf(stack, process);
      const { Memory: memory = 0, MemorySwap: memorySwap = 0 } = info.HostConfig;
      if (memory === 0)
        throw new SquallError(
          "SQUALL_UNSUPPORTED",
          `${process} has no memory limit, and Docker could not take one away again`,
          { hint: "give it one in the Compose file (mem_limit)" },
        );
      const { usedBytes, met } = await memoryOf(stack, process, container);
      // cgroup v1 refuses such a limit; v2 kills at once.
      if (bytes >= memory)
        throw new SquallError(
          "SQUALL_UNSUPPORTED",
          `${process} has ${formatSize(memory)} of memory, which is no more`,
          {
            hint: `it uses ${formatSize(usedBytes)} now`,
          },
        );
      return { project, container, memory, memorySwap, startedAt: info.State.StartedAt, met };
    },
    async make(target, process, { bytes }, signal) {
      const stack = await stacks(target);
      const { id } = await containerOf(stack, process);
      signal.throwIfAborted();
      const limit = { Memory: bytes, MemorySwap: bytes };
      const update = (): Promise<unknown> => stack.docker.getContainer(id).update(limit);
      await askAgain(`limit the memory of ${process}`, update, { signal });
    },
    async evidence(target, process, record) {
      const before = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const { id, info } = await changedContainer(stack, process, before.container);
      if (info.State.OOMKilled) return { bit: true, detail: "ended by the kernel for want of memory" };
      if (!info.State.Running || info.State.StartedAt !== before.startedAt)
        return { bit: true, detail: "ended, and was started again by its restart policy" };
      const { usedBytes, met } = await memoryOf(stack, process, id);
      return {
        bit: met > before.met,
        detail: `met its limit ${met - before.met} times, and uses ${formatSize(usedBytes)}`,
      };
    },
    async takeBack(target, process, record, signal) {
      const { memory, memorySwap, ...before } = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const { id } = await changedContainer(stack, process, before.container);
      const limit = { Memory: memory, MemorySwap: memorySwap };
      const update = (): Promise<unknown> => stack.docker.getContainer(id).update(limit);
      await askAgain(`give ${process} its memory back`, update, { signal });
      await startAgain(stacks, target, process, before, signal);
    },
  };
}

async function memoryOf({ docker }: Stack, process: string, id: string) {
  const stats = await ask(
    `read the figures of ${process}`,
    docker.getContainer(id).stats({ stream: false, "one-shot": true }),
  );
  return { usedBytes: stats?.memory_stats.usage ?? 0, met: stats?.memory_stats.failcnt ?? 0 };
}
