/** A Docker engine for the tests that need one: the machine's where one answers, else one of our own for as long as they run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineSocket, engineVersion } from "./docker-engine.ts";
import { cache, debianPackages } from "./peers.ts";

export interface DockerDaemon {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** Ends it, if it was started here. */
  end(): Promise<void>;
}

const readyWithinMs = 60_000;
const pollMs = 100;

/**
 * Needs root where none answers: installs Debian's `docker.io` and starts a daemon. Its images stay in the cache of peers.
 * @throws {Error} with what the daemon said, when it cannot be had
 */
export async function dockerDaemon(): Promise<DockerDaemon> {
  const theirs = engineSocket();
  if ((await engineVersion(theirs)) !== undefined)
    return { host: `unix://${theirs}`, end: () => Promise.resolve() };

  const dockerd = "/usr/sbin/dockerd";
  debianPackages(["docker.io", "iptables"], [dockerd, "/usr/sbin/iptables"]);
  // A socket's path has 107 characters at most: fewer than a folder of somebody's may have.
  const folder = mkdtempSync(join(tmpdir(), "squall-docker-"));
  const data = join(cache, "docker");
  mkdirSync(data, { recursive: true });
  const socket = join(folder, "docker.sock");
  const log = join(folder, "dockerd.log");
  console.log(`starting a Docker engine of our own at ${socket}`);
  const output = openSync(log, "a");
  const child = spawn(
    dockerd,
    [
      `--host=unix://${socket}`,
      `--data-root=${data}`,
      `--exec-root=${join(folder, "exec")}`,
      `--pidfile=${join(folder, "docker.pid")}`,
    ],
    { stdio: ["ignore", output, output] },
  );
  const ended = once(child, "exit");
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.kill("SIGTERM")) await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const deadlineMs = performance.now() + readyWithinMs;
  while ((await engineVersion(socket)) === undefined) {
    if (child.exitCode === null && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      continue;
    }
    const said = readFileSync(log, "utf8").slice(-2_000);
    await end();
    throw new Error(`a Docker engine could not be started:\n${said}`);
  }
  return { host: `unix://${socket}`, end };
}
