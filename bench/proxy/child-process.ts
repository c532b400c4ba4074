import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** A process that the bench started. */
export interface Started {
  readonly pid: number;
  readonly process: ChildProcess;
}

const started: ChildProcess[] = [];

/** @param command a program and its arguments; its stdout is to be read where `reads` says so */
export async function start(
  command: readonly string[],
  options: { readonly reads?: boolean } = {},
): Promise<Started> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", options.reads ? "pipe" : "ignore", "inherit"] });
  started.push(child);
  await once(child, "spawn");
  return { pid: child.pid as number, process: child };
}

/** Ends those of the processes that are still running, and waits for them. @param which every one by default */
export async function stopAll(which?: readonly Started[]): Promise<void> {
  for (const child of which?.map(({ process }) => process) ?? started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

/** A port that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Processor time of a process with all its threads, in microseconds; `undefined` where the system does not tell. */
export function cpuUs(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(afterName[11]) + Number(afterName[12])) * 10_000; // of 100 ticks a second
}
