import type Docker from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import type { Address } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import type { Part, Target } from "../../target/target.ts";
import { ask, statusOf } from "./docker-engine.ts";

/**
 * A stack: the containers of a target, as Compose made them. They are found by the labels that Compose gives them, and so no
 * other container is ever looked at, unless the target names it (`containers.foreign`).
 */
export interface Stack {
  readonly docker: Docker;
  /** Of Compose: `com.docker.compose.project`. */
  readonly project: string;
  readonly target: Target;
}

export interface StackContainer {
  readonly id: string;
  /** What it is called in run folders and reports: "catalog", "catalog-2". */
  readonly name: string;
  /** Name of the service of Compose, which is that of a part of the target. */
  readonly part: string;
  readonly info: ContainerInspectInfo;
}

/** Names by which Compose knows what is no part of the target. */
export const proxyParts = ["proxy", "toxiproxy"] as const;
export const receiverPart = "receiver";

export const projectLabel = "com.docker.compose.project";
export const serviceLabel = "com.docker.compose.service";
export const numberLabel = "com.docker.compose.container-number";
const oneOffLabel = "com.docker.compose.oneoff";

/**
 * Containers of a stack, running or not, of each part the oldest first.
 * @param part of this one alone
 * @throws {SQUALL_DOCKER}
 */
export async function findContainers(
  { docker, project, target }: Stack,
  part?: string,
): Promise<readonly StackContainer[]> {
  const label = [
    `${projectLabel}=${project}`,
    `${oneOffLabel}=False`,
    ...(part === undefined ? [] : [`${serviceLabel}=${part}`]),
  ];
  const listed = await ask("list containers", docker.listContainers({ all: true, filters: { label } }));
  const foreign = Object.entries(target.containers?.foreign ?? {}).filter(
    ([name]) => part === undefined || name === part,
  );
  const foreignParts = new Set(foreign.map(([name]) => name));
  const found = await Promise.all([
    ...(listed ?? [])
      .filter(({ Labels: labels }) => !foreignParts.has(labels[serviceLabel] ?? ""))
      .map(({ Id, Labels: labels }) =>
        inspect(docker, Id, labels[serviceLabel] ?? "", Number(labels[numberLabel] ?? 1)),
      ),
    ...foreign.map(([name, container]) => inspect(docker, container, name, 1)),
  ]);
  return found
    .flatMap((one) => one ?? [])
    .sort((one, other) => one.part.localeCompare(other.part) || one.number - other.number)
    .map(({ number, info, ...container }) => ({
      ...container,
      info,
      name: number === 1 ? container.part : `${container.part}-${number}`,
    }));
}

/**
 * A container by its id, whatever project it is in now, if it is of this process.
 * @throws {SQUALL_DOCKER}
 */
export async function containerById(
  stack: Stack,
  process: string,
  id: string,
): Promise<StackContainer | undefined> {
  const found = await inspect(stack.docker, id, "", 1);
  if (found === undefined) return undefined;
  const { Labels: labels } = found.info.Config;
  const isForeign = stack.target.containers?.foreign[process] === found.info.Name.slice(1);
  const part = isForeign ? process : (labels[serviceLabel] ?? "");
  const number = isForeign ? 1 : Number(labels[numberLabel] ?? 1);
  const name = number === 1 ? part : `${part}-${number}`;
  return part === process || name === process ? { id: found.id, part, name, info: found.info } : undefined;
}

/** Nothing for one that has gone meanwhile. */
async function inspect(docker: Docker, id: string, part: string, number: number) {
  try {
    const info = await docker.getContainer(id).inspect();
    return { id: info.Id, part, number, info };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    return await ask(`inspect ${id}`, Promise.reject(error as Error));
  }
}

/**
 * The container of a process: by its own name, or the oldest of a part.
 * @throws {SQUALL_NO_FLEET} when there is none @throws {SQUALL_DOCKER}
 */
export async function containerOf(stack: Stack, process: string): Promise<StackContainer> {
  const ofPart = await findContainers(stack, process);
  const found = ofPart[0] ?? (await findContainers(stack)).find(({ name }) => name === process);
  if (found !== undefined) return found;
  throw new SquallError("SQUALL_NO_FLEET", `no container of the stack ${stack.project} is ${process}`, {
    hint: "docker compose up --wait; or name the container in the target's file (containers: { foreign: … })",
  });
}

/** How it is with a container: "running", "unhealthy", "exited (exit code 1)". */
export function stateOf({ State: state }: ContainerInspectInfo): string {
  if (state.Paused) return "paused";
  if (!state.Running) {
    const why = state.OOMKilled ? "out of memory" : `exit code ${state.ExitCode}`;
    return state.Status === "created" ? "not started yet" : `${state.Status} (${why})`;
  }
  if (state.Restarting) return "restarting";
  return state.Health === undefined || state.Health.Status === "healthy" || state.Health.Status === "none"
    ? "running"
    : state.Health.Status;
}

/** Value of a variable that a container was given. */
export function variableOf({ Config: { Env: env } }: ContainerInspectInfo, name: string): string | undefined {
  return env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Where a port of a container is published on this machine. */
export function publishedAt(
  { NetworkSettings: { Ports: ports } }: ContainerInspectInfo,
  port: number | string,
): Address | undefined {
  const [published] = ports[`${port}/tcp`] ?? [];
  if (published === undefined) return undefined;
  const anywhere = ["", "0.0.0.0", "::"].includes(published.HostIp);
  return { host: anywhere ? "127.0.0.1" : published.HostIp, port: Number(published.HostPort) };
}

/** Where the ports of a part are published, by their names; those that are not are left out. */
export function addressesOf(
  info: ContainerInspectInfo,
  { ports }: Pick<Part, "ports">,
): Readonly<Record<string, Address>> {
  return Object.fromEntries(
    Object.entries(ports).flatMap(([name, { env }]) => {
      const address = publishedAt(info, variableOf(info, env) ?? "");
      return address === undefined ? [] : [[name, address] as const];
    }),
  );
}
