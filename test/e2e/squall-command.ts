import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

/** Squall as a process of its own, as a user starts it. */
export interface SquallCommand {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** The exit code, or 128 when a signal ended it. */
  readonly exit: Promise<number>;
}

export const root = resolve(import.meta.dirname, "../..");

/**
 * @param cwd @default the project's root
 * @param env beside this process's own
 */
export function squall(
  args: readonly string[],
  cwd = root,
  env: Readonly<Record<string, string>> = {},
): SquallCommand {
  const child = spawn(process.execPath, [resolve(root, "harness/cli/squall.ts"), ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  const out: string[] = [];
  const err: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => err.push(text));
  return {
    child,
    out: () => out.join(""),
    err: () => err.join(""),
    exit: once(child, "close").then(([code]) => (typeof code === "number" ? code : 128)),
  };
}
