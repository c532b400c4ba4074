import { CommanderError } from "commander";
import { SquallError, exitCodes } from "../base/errors.ts";
import { colorsFor, print } from "./command-context.ts";
import type { Host } from "./host.ts";
import { createProgram } from "./program.ts";

/** Runs one command line on a host. @returns the exit code, by cause (docs/errors.md) */
export async function main(host: Host): Promise<number> {
  let exitCode: number = exitCodes.held;
  const program = createProgram({
    host,
    exitWith: (code) => {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync(host.args, { from: "user" });
    return exitCode;
  } catch (error) {
    return explain(error, host);
  }
}

function explain(error: unknown, host: Host): number {
  // Commander has written its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.held : exitCodes.invalid;
  const colors = colorsFor(host, host.stderr);
  if (error instanceof SquallError) {
    print(host.stderr, `${colors.red("error")} ${error.message}`, colors.dim(`code: ${error.code}`));
    if (error.hint !== undefined) print(host.stderr, colors.dim(`hint: ${error.hint}`));
    return error.exitCode;
  }
  print(host.stderr, colors.red("a mistake in squall itself; please report it with this:"));
  print(host.stderr, error instanceof Error ? (error.stack ?? error.message) : String(error));
  return exitCodes.internal;
}
