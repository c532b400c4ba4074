import type { ContainerInspectInfo } from "dockerode";
import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import { ask } from "./docker-engine.ts";
import type { Stack, StackContainer } from "./stack.ts";

/**
 * A place in a container that has a file system of its own, of a size that somebody chose: what fills it takes nothing from
 * anybody else. A volume or a folder of the machine is no such place, whatever its file system is, since others write there too.
 */
export interface BoundedMount {
  readonly path: string;
  /** Where it is a volume: it outlives the container. */
  readonly volume?: string;
  /** Whether what is in it is in memory, of which the container may have a limit. */
  readonly isMemory: boolean;
}

/** A place of a container, and why it is not bounded. */
interface Unbounded {
  readonly path: string;
  readonly why: string;
}

const volumeSchema = z.object({ Driver: z.string(), Options: z.record(z.string(), z.string()).nullish() });

/**
 * @param path which one; where there is but one, it need not be said
 * @throws {SQUALL_UNSUPPORTED} saying which places there are, and how to bound one
 */
export async function boundedMount(
  stack: Stack,
  container: StackContainer,
  path: string | undefined,
): Promise<BoundedMount> {
  const { name, info } = container;
  const mounts = await Promise.all(
    info.Mounts.filter(({ Destination: at }) => path === undefined || at === path).map((mount) =>
      look(stack, container, mount),
    ),
  );
  const temporary = Object.entries((info.HostConfig.Tmpfs ?? {}) as Readonly<Record<string, string>>)
    .filter(([at]) => path === undefined || at === path)
    .map(([at, options]) => inMemory(at, hasSize(options)));
  // Docker tells them in no order.
  const all = [...mounts, ...temporary].sort((one, other) => one.path.localeCompare(other.path));
  const bounded = all.filter((mount): mount is BoundedMount => !("why" in mount));
  const [first] = bounded;
  if (first !== undefined && bounded.length === 1) return first;
  const names = bounded.map((mount) => mount.path).join(", ");
  if (first !== undefined)
    throw new SquallError("SQUALL_UNSUPPORTED", `${name} has several places that could be filled: ${names}`, {
      hint: `disk-full: { process: ${name}, path: ${first.path} }`,
    });
  const reasons = all.flatMap((mount) => ("why" in mount ? [`${mount.path} ${mount.why}`] : []));
  const none = path === undefined ? `${name} has no mount at all` : `${name} has no mount at ${path}`;
  throw new SquallError(
    "SQUALL_UNSUPPORTED",
    reasons.length === 0 ? none : `no bounded mount of ${name}: ${reasons.join("; ")}`,
    { hint: "give one a size in the Compose file: docs/process-faults.md#disk-full" },
  );
}

type Mount = ContainerInspectInfo["Mounts"][number];

async function look(
  stack: Stack,
  container: StackContainer,
  mount: Mount,
): Promise<BoundedMount | Unbounded> {
  const { Type: type, Destination: path, Name: volume } = mount;
  if (!mount.RW) return { path, why: "cannot be written to" };
  if (type === "tmpfs") {
    const asked = container.info.HostConfig.Mounts?.find(({ Target: target }) => target === path);
    return inMemory(path, (asked?.TmpfsOptions?.SizeBytes ?? 0) > 0);
  }
  if (type !== "volume" || volume === undefined) return { path, why: "is a folder of the machine" };
  const found = await ask(`look at the volume ${volume}`, stack.docker.getVolume(volume).inspect());
  const { Driver: driver, Options: options } = volumeSchema.parse(found);
  if (driver !== "local") return { path, why: `is a volume of ${driver}, whose bounds are not known` };
  const { type: kind = "none", o: given = "" } = options ?? {};
  if (kind === "none" || kind === "nfs" || given.split(",").includes("bind"))
    return { path, why: "is a volume on the machine's own disk" };
  const isMemory = kind === "tmpfs";
  if (isMemory && !hasSize(given)) return { path, why: noSize };
  const others = await otherUsers(stack, container, volume);
  if (others.length > 0) return { path, why: `is also ${others.join("'s and ")}'s` };
  return { path, volume, isMemory };
}

async function otherUsers(
  { docker }: Stack,
  { id }: StackContainer,
  volume: string,
): Promise<readonly string[]> {
  const users = await ask(
    `look who uses ${volume}`,
    docker.listContainers({ filters: { volume: [volume] } }),
  );
  return (users ?? []).filter(({ Id }) => Id !== id).map(({ Names: [name = ""] }) => name.slice(1));
}

const noSize = "is in memory, and has no size of its own";

function inMemory(path: string, isBounded: boolean): BoundedMount | Unbounded {
  return isBounded ? { path, isMemory: true } : { path, why: noSize };
}

/** "rw,size=64m" */
function hasSize(options: string): boolean {
  return options.split(",").some((option) => /^size=\d+[kmg]?$/i.test(option));
}
