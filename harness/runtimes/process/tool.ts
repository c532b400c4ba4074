import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { SquallError, messageOf } from "../../base/errors.ts";
import { childEnvironment, type RunAs } from "./child.ts";
import type { StateFolder } from "../state-folder.ts";

export interface ToolSpec {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly runAs?: RunAs | undefined;
  /** What it reads from its standard input. */
  readonly input?: string;
  readonly signal: AbortSignal;
}

/**
 * Runs a program of the set-up to its end; it carries the fleet's mark, so that it is found if we end before it does.
 * @throws {SQUALL_FLEET_START} with what it said, when it fails
 * @throws the signal's reason, when `signal` aborts; the program is ended
 */
export async function runTool(
  folder: StateFolder,
  { name, command, runAs, input, signal }: ToolSpec,
): Promise<void> {
  signal.throwIfAborted();
  const [program, ...args] = command;
  const environment = { LC_ALL: "C", TZ: "UTC" };
  let problem: string | undefined;
  try {
    const child = spawn(program, args, {
      cwd: "/",
      env: childEnvironment(folder, { name, role: "setup", environment }),
      stdio: ["pipe", "ignore", "pipe"],
      signal,
      detached: true,
      ...runAs,
    });
    child.stdin.on("error", () => undefined); // it ended without reading: its exit code tells
    child.stdin.end(input);
    const ended = new Promise<string | undefined>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, by) => resolve(code === 0 ? undefined : (by ?? `exit code ${code}`)));
    });
    const [said, end] = await Promise.all([text(child.stderr), ended]);
    if (end !== undefined) problem = `${end}: ${said.trim()}`;
  } catch (error) {
    signal.throwIfAborted();
    problem = messageOf(error);
  }
  if (problem === undefined) return;
  throw new SquallError("SQUALL_FLEET_START", `${program} failed: ${problem}`);
}
