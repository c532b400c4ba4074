import Docker from "dockerode";
import { SquallError, messageOf, systemErrorCode } from "../../base/errors.ts";

/** The Docker engine, asked by its API. */

/** Of Docker 20.10, with which this is tested. */
const oldestApi = "1.41";
/** What is known of the API; an engine that is newer is asked in this version. */
const newestApi = "1.51";

/**
 * @param socketPath where the engine listens; without it, what DOCKER_HOST says, else the usual socket
 * @throws {SQUALL_UNSUPPORTED} when there is none, when it may not be used, or when it is too old
 */
export async function connectDocker(socketPath?: string): Promise<Docker> {
  const options = socketPath === undefined ? {} : { socketPath };
  let api: string;
  try {
    api = (await new Docker(options).version()).ApiVersion;
  } catch (error) {
    throw unreachable(error, socketPath);
  }
  if (isOlder(api, oldestApi))
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      `this Docker is too old: its API is ${api}, and ${oldestApi} is needed`,
      { hint: "Docker 20.10 (December 2020) or newer will do" },
    );
  return new Docker({ ...options, version: `v${isOlder(newestApi, api) ? newestApi : api}` });
}

function unreachable(
  cause: unknown,
  socketPath = process.env["DOCKER_HOST"] ?? "its usual socket",
): SquallError {
  switch (systemErrorCode(cause) ?? "") {
    case "EACCES":
    case "EPERM":
      return new SquallError(
        "SQUALL_UNSUPPORTED",
        `you may not use Docker at ${socketPath}: permission denied`,
        {
          hint: "run Squall as a user of the group docker, or as root; or set DOCKER_HOST to a Docker of your own",
          cause,
        },
      );
    case "ENOENT":
    case "ECONNREFUSED":
      return new SquallError("SQUALL_UNSUPPORTED", `no Docker answers at ${socketPath}`, {
        hint: "start Docker, or set DOCKER_HOST to where it listens; --runtime process needs none",
        cause,
      });
    default:
      return new SquallError("SQUALL_UNSUPPORTED", `Docker cannot be used: ${reasonOf(cause)}`, { cause });
  }
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split(".").map(Number);
  return major === thanMajor ? minor < thanMinor : major < thanMajor;
}

/** The HTTP status with which the engine refused a call; `undefined` when that is not what happened. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** What the engine said, without the words of its client around it. */
export function reasonOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "json" in error) {
    const { json } = error;
    if (typeof json === "object" && json !== null && "message" in json) return String(json.message);
  }
  return messageOf(error);
}

/**
 * A call of the engine's API, and what of its refusals counts as done.
 * @param what it is to do, in words: "pause payment"
 * @param fine statuses that say that it is so already
 * @throws {SQUALL_DOCKER} when it is refused, or not answered
 */
export async function ask<T>(
  what: string,
  call: Promise<T>,
  fine: readonly number[] = [],
): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (fine.includes(statusOf(error) ?? 0)) return undefined;
    throw new SquallError("SQUALL_DOCKER", `Docker could not ${what}: ${reasonOf(error)}`, { cause: error });
  }
}
