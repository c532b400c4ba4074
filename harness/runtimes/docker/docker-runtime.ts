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
import type { Runtime } from "../runtime.ts";
import type { Stacks } from "./changed-container.ts";
import { breakName } from "./break-name.ts";
import { connectDocker } from "./docker-engine.ts";
import { fillDisk } from "./fill-disk.ts";
import { kill } from "./kill.ts";
import { limitCpu } from "./limit-cpu.ts";
import { limitMemory } from "./limit-memory.ts";
import { partition } from "./partition.ts";
import { pause } from "./pause.ts";
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
 *                                          └──→ changes: kill, stop, pause, limits, partition, a file each
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
  CanBreakNames {
  let connected: ReturnType<typeof connectDocker> | undefined;
  const stacks: Stacks = async (target, project = projectOf(target)) => {
    connected ??= connectDocker(options.socketPath);
    return { docker: await connected, project, target };
  };
  const folderOf = (target: Target): string => join(dirname(target.file), ".squall", "docker");
  return {
    name: "docker",
    stateFolder: folderOf,
    lock(target, what) {
      const path = folderOf(target);
      const project = projectOf(target);
      return acquireLock(
        { path, lock: join(path, `${project}.lock.db`), lockHolder: join(path, `${project}.lock.json`) },
        what,
      );
    },
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
  };
}

/** @throws {SQUALL_USAGE} when nothing tells it */
function projectOf({ containers, name }: Target): string {
  if (containers?.project !== undefined) return containers.project;
  throw new SquallError("SQUALL_USAGE", `nothing says which Compose project ${name} is`, {
    hint: "containers: { project: … } in the target's file, or --project, or COMPOSE_PROJECT_NAME",
  });
}
