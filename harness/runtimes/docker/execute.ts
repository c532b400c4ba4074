import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { SquallError } from "../../base/errors.ts";
import { ask } from "./docker-engine.ts";

/** What became of a command. */
export interface Executed {
  readonly exitCode: number;
  readonly printed: string;
  /** On its error output. */
  readonly said: string;
}

/** Runs a command in a container that runs, as the container's own user. @throws {SQUALL_DOCKER} when it cannot be run */
export async function executed(
  docker: Docker,
  id: string,
  name: string,
  command: readonly string[],
): Promise<Executed> {
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
  const { ExitCode: exitCode } = await exec.inspect();
  return { exitCode: exitCode ?? -1, printed, said: said.trim() };
}

/** What a command prints that is run in a container. @throws {SQUALL_DOCKER} when it fails */
export async function execute(
  docker: Docker,
  id: string,
  name: string,
  command: readonly string[],
): Promise<string> {
  const { exitCode, printed, said } = await executed(docker, id, name, command);
  if (exitCode === 0) return printed;
  const why = `exit code ${exitCode}: ${said === "" ? printed.trim() : said}`;
  throw new SquallError("SQUALL_DOCKER", `Docker could not run ${command[0] ?? ""} in ${name}: ${why}`);
}
