/** The few calls to a Docker engine that scripts and tests need, without a program of Docker's: its HTTP API on a socket. */
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";

/** The socket in DOCKER_HOST ("unix:///run/docker.sock"). @default Docker's own place */
export function engineSocket(): string {
  const host = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  if (!host.startsWith("unix://")) throw new Error(`DOCKER_HOST: expected unix:///…, got ${host}`);
  return host.slice("unix://".length);
}

/** @returns the engine's version ("20.10.24"); undefined where none answers */
export async function engineVersion(socket: string): Promise<string | undefined> {
  try {
    const { status, body } = await ask(socket, "GET", "/version");
    return status === 200 ? (JSON.parse(body) as { Version: string }).Version : undefined;
  } catch {
    return undefined; // no such socket, or nobody behind it
  }
}

/**
 * What the engine knows: `engineAnswer(socket, "/containers/json?all=1")`.
 * @throws {Error} when it refuses
 */
export async function engineAnswer(socket: string, path: string): Promise<unknown> {
  const { status, body } = await ask(socket, "GET", path);
  if (status !== 200) throw new Error(`the Docker engine refuses ${path}: ${status} ${body}`);
  return JSON.parse(body);
}

export async function hasImage(socket: string, name: string): Promise<boolean> {
  return (await ask(socket, "GET", `/images/${name}/json`)).status === 200;
}

/** Gives an image another name too. @param as "name:tag" @throws {Error} when the engine refuses */
export async function tagImage(socket: string, name: string, as: string): Promise<void> {
  const [repo = "", tag = "latest"] = as.split(":");
  const query = new URLSearchParams({ repo, tag });
  const { status, body } = await ask(socket, "POST", `/images/${name}/tag?${query.toString()}`);
  if (status !== 201) throw new Error(`cannot call ${name} ${as}: ${body}`);
}

/** Lets an image go, but not what containers still use. @throws {Error} when the engine refuses */
export async function removeImage(socket: string, name: string): Promise<void> {
  const { status, body } = await ask(socket, "DELETE", `/images/${name}`);
  if (status !== 200 && status !== 404) throw new Error(`cannot remove ${name}: ${body}`);
}

/**
 * Makes an image of a root file system, as `docker import` does.
 * @param tar the file system
 * @param changes as in a Dockerfile: `ENV PATH=/bin`
 * @throws {Error} when the engine refuses
 */
export async function importImage(
  socket: string,
  name: string,
  tar: Readable,
  changes: readonly string[] = [],
): Promise<void> {
  const [repo = "", tag = "latest"] = name.split(":");
  const query = new URLSearchParams({ fromSrc: "-", repo, tag });
  for (const change of changes) query.append("changes", change);
  const { status, body } = await ask(socket, "POST", `/images/create?${query.toString()}`, tar);
  // What goes wrong after the answer has begun is told in its body.
  if (status !== 200 || body.includes('"errorDetail"')) throw new Error(`cannot make ${name}: ${body}`);
}

async function ask(
  socketPath: string,
  method: string,
  path: string,
  content?: Readable,
): Promise<{ readonly status: number; readonly body: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({ socketPath, method, path, headers: { host: "docker" } }, resolve);
    asked.on("error", reject);
    if (content === undefined) return void asked.end();
    content.on("error", (error) => asked.destroy(error));
    content.pipe(asked);
  });
  return { status: response.statusCode ?? 0, body: await text(response) };
}
