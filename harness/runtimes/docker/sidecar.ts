import type Docker from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { SquallError } from "../../base/errors.ts";
import { ask, statusOf } from "./docker-engine.ts";
import { logMessages } from "./log-frames.ts";

/**
 * A sidecar: a container of our own beside one of the stack, for what cannot be done from within. It may have the other's
 * network, and with it the other's resolv.conf.
 */
export interface Sidecar {
  /** Of the container that it stands by. */
  readonly beside: string;
  /** What it does there: one of a kind stands by a container at most, so that whoever comes later finds it. */
  readonly task: string;
  readonly image: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly user: string;
  readonly network: "none" | "shared";
  /** Of the kernel's: "NET_ADMIN". */
  readonly capabilities?: readonly string[];
  readonly volume?: { readonly name: string; readonly path: string };
}

const endSchema = z.object({ StatusCode: z.number() });
const gone = 404;
const ended = [gone, 409];
const isTaken = 409;
const started = [304];
const nameIsFreeWithinMs = 10_000;
const askAgainAfterMs = 50;
const megabyte = 1024 ** 2;

/** By which it is found again. */
export function sidecarName({ beside, task }: Pick<Sidecar, "beside" | "task">): string {
  return `squall-${task}-${beside.slice(0, 12)}`;
}

/** Starts one; another of its kind that stands there, from a run that died, is removed first. @throws {SQUALL_DOCKER} */
export async function startSidecar(docker: Docker, sidecar: Sidecar): Promise<Docker.Container> {
  const container = await makeSidecar(docker, sidecar);
  await ask(`start ${sidecarName(sidecar)}`, container.start(), started);
  return container;
}

/**
 * Makes one, and starts nothing. Docker goes on making what somebody asked for who has died meanwhile, and keeps its name: so it is
 * removed as soon as it is there.
 */
async function makeSidecar(docker: Docker, sidecar: Sidecar): Promise<Docker.Container> {
  const name = sidecarName(sidecar);
  const deadlineMs = systemClock.nowMs() + nameIsFreeWithinMs;
  for (;;) {
    await removeSidecar(docker, sidecar);
    const made = await ask(`make ${name}`, docker.createContainer(optionsOf(sidecar)), [isTaken]);
    if (made !== undefined) return made;
    if (systemClock.nowMs() >= deadlineMs)
      throw new SquallError("SQUALL_DOCKER", `Docker could not make ${name}: its name stays taken`);
    await systemClock.sleep(askAgainAfterMs);
  }
}

/** Waits until none is being made for somebody who died over it. @throws {SQUALL_DOCKER} */
export async function forgetSidecar(docker: Docker, sidecar: Sidecar): Promise<void> {
  await makeSidecar(docker, sidecar);
  await removeSidecar(docker, sidecar);
}

function optionsOf(sidecar: Sidecar): Docker.ContainerCreateOptions {
  const { beside, image, program, args, user, network, capabilities = [], volume } = sidecar;
  const mount = volume && { Type: "volume" as const, Source: volume.name, Target: volume.path };
  return {
    name: sidecarName(sidecar),
    Image: image,
    Entrypoint: [program],
    Cmd: [...args],
    User: user,
    WorkingDir: "/",
    Healthcheck: { Test: ["NONE"] },
    Labels: { "squall.beside": beside },
    HostConfig: {
      NetworkMode: network === "none" ? "none" : `container:${beside}`,
      CapDrop: ["ALL"],
      CapAdd: [...capabilities],
      SecurityOpt: ["no-new-privileges:true"],
      Memory: 128 * megabyte,
      PidsLimit: 50,
      ...(mount === undefined ? {} : { Mounts: [mount] }),
    },
  };
}

/** Runs one to its end. @returns what it printed @throws {SQUALL_DOCKER} when it fails, with what it said */
export async function runSidecar(docker: Docker, sidecar: Sidecar, signal: AbortSignal): Promise<string> {
  try {
    const container = await startSidecar(docker, sidecar);
    const name = sidecarName(sidecar);
    const end: unknown = await ask(`wait for ${name}`, container.wait({ abortSignal: signal }));
    const printed = (await sidecarLines(container)).join("\n");
    const { StatusCode: code } = endSchema.parse(end);
    if (code === 0) return printed;
    throw new SquallError("SQUALL_DOCKER", `${name} ended with ${code}: ${printed}`);
  } finally {
    await removeSidecar(docker, sidecar);
  }
}

/** @returns nothing where none stands there @throws {SQUALL_DOCKER} */
export async function findSidecar(
  docker: Docker,
  which: Pick<Sidecar, "beside" | "task">,
): Promise<{ readonly container: Docker.Container; readonly info: ContainerInspectInfo } | undefined> {
  const container = docker.getContainer(sidecarName(which));
  try {
    return { container, info: await container.inspect() };
  } catch (error) {
    if (statusOf(error) === gone) return undefined;
    return ask(`inspect ${sidecarName(which)}`, Promise.reject(error as Error));
  }
}

/** @throws {SQUALL_DOCKER} */
export async function removeSidecar(docker: Docker, which: Pick<Sidecar, "beside" | "task">): Promise<void> {
  const name = sidecarName(which);
  await ask(`remove ${name}`, docker.getContainer(name).remove({ force: true, v: true }), ended);
}

/** What it has printed so far, line by line. */
export async function sidecarLines(container: Docker.Container): Promise<readonly string[]> {
  const log = await ask("read a log", container.logs({ stdout: true, stderr: true, timestamps: true }));
  const messages: string[] = [];
  for await (const { content } of logMessages(oneChunk(log ?? Buffer.alloc(0))))
    messages.push(content.toString());
  return messages.join("").trim().split("\n");
}

async function* oneChunk(chunk: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(chunk);
}
