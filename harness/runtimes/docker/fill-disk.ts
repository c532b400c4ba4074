import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import { formatSize } from "../../base/units.ts";
import { waitAtMost } from "../../base/wait.ts";
import type { ProcessChange } from "../process-change.ts";
import { boundedMount } from "./bounded-mount.ts";
import { changedContainer, type Stacks } from "./changed-container.ts";
import { ask } from "./docker-engine.ts";
import { execute, executed } from "./execute.ts";
import { runSidecar } from "./sidecar.ts";
import { containerOf, type Stack, type StackContainer } from "./stack.ts";
import { runningBefore, startAgain } from "./start-again.ts";

const beforeSchema = z.object({
  project: z.string(),
  container: z.string(),
  image: z.string(),
  user: z.string(),
  path: z.string(),
  volume: z.string().optional(),
  leaveBytes: z.number(),
});

const fileName = ".squall-fill";
const megabyte = 1024 ** 2;
/** Written by one command: that long it goes on when whoever asked for it has died. */
const chunkMegabytes = 64;
/** Would take too long, and is no size that somebody chose to be filled. */
const mostBytes = 4 * 1024 * megabyte;
/** File systems tell their space in blocks, and keep some for their own lists. */
const slackBytes = 128 * 1024;
/** As long as a chunk may take on a slow disk. */
const writersEndWithinMs = 10_000;

/** Docker's answer about a command that ended a while ago. */
const forgotten = 404;

interface FillWanted {
  readonly leaveBytes: number;
  readonly path?: string | undefined;
}

/**
 * A file fills a bounded mount of a container until only so much is left, written from within, by `dd`; taking it back removes
 * the file. A process that ends since its disk is full is started again then.
 */
export function fillDisk(stacks: Stacks): ProcessChange<FillWanted> {
  return {
    how: "a file that fills its volume (dd)",
    async before(target, process, { leaveBytes, path: wanted }) {
      const before = await runningBefore(stacks, target, process);
      const stack = await stacks(target);
      const container = await containerOf(stack, process);
      const mount = await boundedMount(stack, container, wanted);
      const { freeBytes, sizeBytes } = await spaceOf(stack, container, mount.path);
      const refuse = (why: string, hint: string): SquallError =>
        new SquallError("SQUALL_UNSUPPORTED", `${mount.path} of ${process} ${why}`, { hint });
      const isFull = `has ${formatSize(freeBytes)} of ${formatSize(sizeBytes)} left`;
      if (freeBytes <= leaveBytes + slackBytes) throw refuse(`${isFull}, which is no more`, "leave less");
      const toWrite = freeBytes - leaveBytes;
      if (toWrite > mostBytes)
        throw refuse(`${isFull}: too much to fill`, `${formatSize(mostBytes)} are filled at most`);
      const memory = mount.isMemory ? await freeMemory(stack, container) : Infinity;
      if (toWrite >= memory)
        throw refuse(
          `is in memory: to fill it would take ${formatSize(toWrite)} of its container's, which has ${formatSize(memory)} left`,
          "give the container more memory, or the volume less",
        );
      const { Image: image, Config: config } = container.info;
      const { path, volume } = mount;
      return {
        ...before,
        image,
        user: config.User,
        path,
        ...(volume === undefined ? {} : { volume }),
        leaveBytes,
      };
    },
    async make(target, process, { leaveBytes, path: wanted }, signal) {
      const stack = await stacks(target);
      const container = await containerOf(stack, process);
      const { path } = await boundedMount(stack, container, wanted);
      const said = await fill(stack, container, { path, leaveBytes }, signal);
      const { freeBytes } = await spaceOf(stack, container, path);
      if (freeBytes > leaveBytes + slackBytes)
        throw new SquallError(
          "SQUALL_DOCKER",
          `Docker could not fill ${path} of ${process}: ${formatSize(freeBytes)} are left: ${said}`,
        );
    },
    async evidence(target, process, record) {
      const { path, leaveBytes, ...before } = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const container = await changedContainer(stack, process, before.container);
      if (!container.info.State.Running) return { bit: true, detail: `ended while ${path} was full` };
      const { freeBytes, sizeBytes } = await spaceOf(stack, container, path);
      return {
        bit: freeBytes <= leaveBytes + slackBytes,
        detail: `${path} had ${formatSize(freeBytes)} of ${formatSize(sizeBytes)} left`,
      };
    },
    async takeBack(target, process, record, signal) {
      const before = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const container = await changedContainer(stack, process, before.container);
      const { Running: runs, Paused: isHeld } = container.info.State;
      const file = `${before.path}/${fileName}`;
      if (runs && !isHeld) {
        await untilWritten(stack, container, file, signal);
        await execute(stack.docker, container.id, process, ["rm", "-f", file]);
      } else if (before.volume !== undefined) {
        // What was in memory of its own is gone with the process.
        const { image, user, path, volume } = before;
        const remover = { beside: container.id, task: "empty", image, user, volume: { name: volume, path } };
        const command = { program: "rm", args: ["-f", file], network: "none" } as const;
        await runSidecar(stack.docker, { ...remover, ...command }, signal);
      }
      await startAgain(stacks, target, process, before, signal);
    },
  };
}

/** Writes until so much is left, or no more can be written. @returns what the last command said */
async function fill(
  { docker }: Stack,
  container: StackContainer,
  { path, leaveBytes }: { readonly path: string; readonly leaveBytes: number },
  signal: AbortSignal,
): Promise<string> {
  const file = `${path}/${fileName}`;
  const { freeBytes } = await spaceOf({ docker }, container, path);
  // Without a rest, as much as there is: what else is written meanwhile counts too.
  const wholeMegabytes = leaveBytes === 0 ? Infinity : Math.floor((freeBytes - leaveBytes) / megabyte);
  const restKilobytes = leaveBytes === 0 ? 0 : Math.floor(((freeBytes - leaveBytes) % megabyte) / 1024);
  const write = (unitBytes: number, at: number, count: number) =>
    executed(docker, container.id, container.name, [
      "dd",
      "if=/dev/zero",
      `of=${file}`,
      "conv=notrunc",
      `bs=${unitBytes}`,
      `seek=${at}`,
      `count=${count}`,
    ]);
  for (let written = 0; written < wholeMegabytes; written += chunkMegabytes) {
    signal.throwIfAborted();
    const { exitCode, said } = await write(
      megabyte,
      written,
      Math.min(chunkMegabytes, wholeMegabytes - written),
    );
    if (exitCode !== 0) return said;
    if (written * megabyte > mostBytes) return "it has no end";
  }
  signal.throwIfAborted();
  if (restKilobytes === 0) return "";
  return (await write(1024, wholeMegabytes * 1024, restKilobytes)).said;
}

/** Of whoever died over it, a command may still write: removed before it is through, the file would come again. */
async function untilWritten(
  { docker }: Stack,
  { name, info }: StackContainer,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const options = { what: `writers in ${name} to end`, withinMs: writersEndWithinMs, everyMs: 50, signal };
  for (const writer of info.ExecIDs ?? []) {
    await waitAtMost(options, async () => {
      const told = await ask("look at a command", docker.getExec(writer).inspect(), [forgotten]);
      return !told?.Running || !(told.ProcessConfig.arguments ?? []).includes(`of=${file}`);
    });
  }
}

const spacePattern = /\s(\d+)\s+(\d+)\s+(\d+)\s+[\d-]+%?\s+\/\S*\s*$/;

/** @throws {SQUALL_DOCKER} where nobody can tell: an image without `df` */
async function spaceOf(
  { docker }: Pick<Stack, "docker">,
  { id, name }: StackContainer,
  path: string,
): Promise<{ readonly freeBytes: number; readonly sizeBytes: number }> {
  const told = await execute(docker, id, name, ["df", "-Pk", path]);
  const [, size, , free] = spacePattern.exec(told) ?? [];
  if (size === undefined || free === undefined)
    throw new SquallError("SQUALL_DOCKER", `Docker could not tell the space of ${path} in ${name}: ${told}`);
  return { freeBytes: Number(free) * 1024, sizeBytes: Number(size) * 1024 };
}

/** What the container may still take before the kernel ends it; what can be let go counts as free. */
async function freeMemory({ docker }: Stack, { id, name, info }: StackContainer): Promise<number> {
  const { Memory: limit = 0 } = info.HostConfig;
  if (limit === 0) return Infinity;
  const asked = docker.getContainer(id).stats({ stream: false, "one-shot": true });
  const stats = await ask(`read the figures of ${name}`, asked);
  const { usage = 0, stats: details } = stats?.memory_stats ?? {};
  // By cgroup v1 and v2.
  return limit - usage + (details?.total_inactive_file ?? details?.inactive_file ?? 0);
}
