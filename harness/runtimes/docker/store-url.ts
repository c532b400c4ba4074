import type Docker from "dockerode";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { formatAddress } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import { ask } from "./docker-engine.ts";
import { publishedAt, variableOf, type StackContainer } from "./stack.ts";

const postgresPort = 5432;

/**
 * Connection URL of a store that was made by the variables of PostgreSQL's official image.
 * @throws {SQUALL_UNSUPPORTED} when it was not @throws {SQUALL_DOCKER}
 */
export async function storeUrl(docker: Docker, container: StackContainer): Promise<string> {
  const { name, part, info } = container;
  const address = publishedAt(info, postgresPort);
  if (address === undefined)
    throw new Error(`${name} does not publish its port, and the stack was taken for whole`);
  const user = variableOf(info, "POSTGRES_USER") ?? "postgres";
  const database = variableOf(info, "POSTGRES_DB") ?? user;
  const url = new URL(`postgresql://${formatAddress(address)}/${encodeURIComponent(database)}`);
  url.username = user;
  url.password = encodeURIComponent(await passwordOf(docker, container));
  return url.href;

  async function passwordOf(engine: Docker, { id }: StackContainer): Promise<string> {
    const password = variableOf(info, "POSTGRES_PASSWORD");
    const file = variableOf(info, "POSTGRES_PASSWORD_FILE");
    if (password !== undefined) return password;
    if (file !== undefined) return (await execute(engine, id, part, ["cat", file])).trim();
    throw new SquallError("SQUALL_UNSUPPORTED", `nothing says with which password ${name} is asked`, {
      hint: "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, as the official image has it",
    });
  }
}

/** What a command prints that is run in a container. @throws {SQUALL_DOCKER} when it fails */
export async function execute(
  docker: Docker,
  id: string,
  name: string,
  command: readonly string[],
): Promise<string> {
  const what = `run ${command[0] ?? ""} in ${name}`;
  const container = docker.getContainer(id);
  const exec = await ask(what, container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true }));
  const stream = await ask(what, exec?.start({}) ?? Promise.reject(new Error("it was not made")));
  if (exec === undefined || stream === undefined) throw new Error(`no answer to: ${what}`);
  const out = new PassThrough();
  const error = new PassThrough();
  docker.modem.demuxStream(stream, out, error);
  stream.once("end", () => {
    out.end();
    error.end();
  });
  const [printed, said] = await Promise.all([text(out), text(error)]);
  const { ExitCode: code } = await exec.inspect();
  if (code !== 0)
    throw new SquallError("SQUALL_DOCKER", `Docker could not ${what}: exit code ${code}: ${said.trim()}`);
  return printed;
}
