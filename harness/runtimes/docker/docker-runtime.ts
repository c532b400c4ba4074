import { dirname, join } from "node:path";
import { SquallError } from "../../base/errors.ts";
import type { Target } from "../../target/target.ts";
import { acquireLock } from "../lock.ts";
import type {
  CanBreakNames,
  CanFillDisk,
  CanKill,
  CanLimitCpu,
  CanLimitMemory,
  CanPartition,
  CanPause,
  CanRestart,
} from "../process-change.ts";
import type { CanScale, Runtime } from "../runtime.ts";
import type { Stacks } from "./changed-container.ts";
import { breakName } from "./break-name.ts";
import { connectDocker } from "./docker-engine.ts";
import { fillDisk } from "./fill-disk.ts";
import { kill } from "./kill.ts";
import { limitCpu } from "./limit-cpu.ts";
import { limitMemory } from "./limit-memory.ts";
import { partition } from "./partition.ts";
import { pause } from "./pause.ts";
import { listStackReplicas, restartInStack, scaleStack } from "./scale-stack.ts";
import { attachStack } from "./stack-fleet.ts";
import { stop } from "./stop.ts";

export interface DockerOptions {
  /** Where the engine listens. @default what DOCKER_HOST says, else the usual socket */
  readonly socketPath?: string | undefined;
}

/**
 * Fleets in containers: a stack that Compose has brought up is found by its labels, used and broken, and never started or
 * ended: that is Compose's.
 *
 *   target.yaml ─project→ containers by label ─→ Fleet (stack-fleet.ts)
 *                                          ├──→ changes: kill, stop, pause, limits, partition, a file each
 *                                          └──→ replicas: copies beside what Compose made (scale-stack.ts)
 */
export function dockerRuntime(
  options: DockerOptions = {},
): Runtime &
  CanKill &
  CanRestart &
  CanPause &
  CanLimitCpu &
  CanLimitMemory &
  CanPartition &
  CanFillDisk &
  CanBreakNames &
  CanScale {
  let connected: ReturnType<typeof connectDocker> | undefined;
  const stacks: Stacks = async (target, project = projectOf(target)) => {
    connected ??= connectDocker(options.socketPath);
    return { docker: await connected, project, target };
  };
  const folderOf = (target: Target): string => join(dirname(target.file), ".squall", "docker");
  const acquire = (target: Target, name: "lock" | "change", what: string): Promise<AsyncDisposable> => {
    const path = folderOf(target);
    const own = join(path, `${projectOf(target)}.${name}`);
    return acquireLock({ path, lock: `${own}.db`, lockHolder: `${own}.json` }, what);
  };
  return {
    name: "docker",
    stateFolder: folderOf,
    lock: (target, what) => acquire(target, "lock", what),
    attach: async (target) => attachStack(await stacks(target)),
    start(target) {
      const project = projectOf(target);
      return Promise.reject(
        new SquallError(
          "SQUALL_NO_FLEET",
          `no stack ${project} is up in Docker: no container has that Compose project`,
          {
            hint: "docker compose up --wait; where the project has another name, --project or COMPOSE_PROJECT_NAME tell it",
          },
        ),
      );
    },
    cleanUp: () => Promise.resolve([]), // a stack is nothing that a run leaves behind
    kill: kill(stacks),
    stop: stop(stacks),
    pause: pause(stacks),
    limitCpu: limitCpu(stacks),
    limitMemory: limitMemory(stacks),
    partition: partition(stacks),
    fillDisk: fillDisk(stacks),
    breakName: breakName(stacks),
    listReplicas: async (target) => listStackReplicas(await stacks(target)),
    // Changes exclude each other, not the run that they are made under.
    async scale(target, service, count, change) {
      await using _lock = await acquire(target, "change", `scale ${service} ${count}`);
      return await scaleStack(await stacks(target), service, count, change);
    },
    async restart(target, service, change) {
      await using _lock = await acquire(target, "change", `restart ${service}`);
      return await restartInStack(await stacks(target), service, change);
    },
  };
}

/** @throws {SQUALL_USAGE} when nothing tells it */
function projectOf({ containers, name }: Target): string {
  if (containers?.project !== undefined) return containers.project;
  throw new SquallError("SQUALL_USAGE", `nothing says which Compose project ${name} is`, {
    hint: "containers: { project: … } in the target's file, or --project, or COMPOSE_PROJECT_NAME",
  });
}
