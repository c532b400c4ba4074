import { z } from "zod";
import type { ProcessChange } from "../process-change.ts";
import { askAgain } from "./ask-again.ts";
import { ask } from "./docker-engine.ts";
import { changedContainer, type Stacks } from "./changed-container.ts";
import { containerOf, type Stack } from "./stack.ts";

const beforeSchema = z.object({
  project: z.string(),
  container: z.string(),
  nanoCpus: z.number(),
  quota: z.number(),
  /** Periods in which it was held back until then, and all of its periods. */
  throttled: z.number(),
  periods: z.number(),
});

/** The kernel's usual period of 100 ms, in microseconds, of which the quota is a part. */
const usualPeriod = 100_000;
/** Docker's way to say "no limit"; 0 would leave the one that is there. */
const noQuota = -1;

/**
 * A container gets a share of the processors: `docker update --cpus`, or `--cpu-quota` where it had no limit or one of that
 * kind, since the one can be taken away again and Docker does not take both.
 */
export function limitCpu(stacks: Stacks): ProcessChange<{ readonly processors: number }> {
  return {
    how: "the processor quota of its cgroup (docker update)",
    async before(target, process) {
      const stack = await stacks(target);
      const { id, info } = await containerOf(stack, process);
      const { NanoCpus: nanoCpus = 0, CpuQuota: quota = 0 } = info.HostConfig;
      return {
        project: stack.project,
        container: id,
        nanoCpus,
        quota,
        ...(await throttling(stack, process, id)),
      };
    },
    async make(target, process, { processors }, signal) {
      const stack = await stacks(target);
      const { id, info } = await containerOf(stack, process);
      const { NanoCpus: nanoCpus = 0, CpuPeriod: period = 0 } = info.HostConfig;
      const limit =
        nanoCpus > 0
          ? { NanoCpus: Math.round(processors * 1e9) }
          : { CpuQuota: Math.round(processors * (period > 0 ? period : usualPeriod)) };
      signal.throwIfAborted();
      const update = (): Promise<unknown> => stack.docker.getContainer(id).update(limit);
      await askAgain(`limit the processors of ${process}`, update, { signal });
    },
    async evidence(target, process, record) {
      const before = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const { id } = await changedContainer(stack, process, before.container);
      const now = await throttling(stack, process, id);
      // A container that was started again counts from zero.
      const [throttled, periods] = [now.throttled - before.throttled, now.periods - before.periods].map(
        (count) => Math.max(0, count),
      );
      return { bit: throttled !== 0, detail: `throttled in ${throttled} of ${periods} periods` };
    },
    async takeBack(target, process, record, signal) {
      const before = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const { id } = await changedContainer(stack, process, before.container);
      const limit =
        before.nanoCpus > 0
          ? { NanoCpus: before.nanoCpus }
          : { CpuQuota: before.quota > 0 ? before.quota : noQuota };
      const update = (): Promise<unknown> => stack.docker.getContainer(id).update(limit);
      await askAgain(`give ${process} its processors back`, update, { signal });
    },
  };
}

async function throttling({ docker }: Stack, process: string, id: string) {
  const stats = await ask(
    `read the figures of ${process}`,
    docker.getContainer(id).stats({ stream: false, "one-shot": true }),
  );
  const { throttled_periods: throttled = 0, periods = 0 } = stats?.cpu_stats.throttling_data ?? {};
  return { throttled, periods };
}
