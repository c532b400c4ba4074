import type { Clock } from "../base/clock.ts";
import type { Runtime } from "../runtimes/runtime.ts";

/** A stream that text is written to. */
export interface Output {
  /** @param onWritten told when the text is out, or why it never will be: whoever writes much waits for it */
  write(text: string, onWritten?: (error?: Error | null) => void): void;
  /** Whether a person watches: it can be redrawn. */
  readonly isTTY: boolean;
  /** Width of the terminal now, in characters; `undefined` when it is none. */
  readonly columns: number | undefined;
}

/**
 * The world around the program: what alone `cli` sees of the process it runs in. Tests bring their own, and so run
 * commands without a process.
 */
export interface Host {
  /** The command line after the program's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results: what another program may read. */
  readonly stdout: Output;
  /** Progress and problems: what a person reads. */
  readonly stderr: Output;
  /** Calls `listener` on each SIGINT, SIGTERM and SIGHUP, instead of dying of it. @returns stops listening */
  onSignal(listener: (signal: NodeJS.Signals) => void): () => void;
  /** Of local processes. */
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Of containers; what it needs is loaded when it is asked for. */
  readonly dockerRuntime: () => Promise<Runtime>;
}

/** Colours for an output: only where a terminal shows them and `NO_COLOR` (no-color.org) is not set. */
export function hasColor({ env }: Pick<Host, "env">, output: Output): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return (env["FORCE_COLOR"] ?? "") !== "" || (output.isTTY && env["TERM"] !== "dumb");
}
