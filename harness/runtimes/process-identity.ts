import { readFileSync, readdirSync } from "node:fs";
import { systemErrorCode } from "../base/errors.ts";

/**
 * Which process is meant. A pid alone is not enough: the system gives it to another process once its own is gone, and
 * what is written in a file may be read days later.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start, from `/proc/<pid>/stat`. Absent where there is no `/proc`. */
  readonly startTime?: string | undefined;
}

/** The process that has this pid now; `undefined` when there is none, or it has ended and only waits to be reaped. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (process.platform !== "linux") return hasPid(pid) ? { pid } : undefined;
  const [state, ...rest] = statOf(pid);
  const startTime = rest[18]; // field 22 of the file; `state` is field 3
  return state === undefined || startTime === undefined || state === "Z" || state === "X"
    ? undefined
    : { pid, startTime };
}

/** "R", "S", "T" (held still), "Z" (ended): proc_pid_stat(5). `undefined` when there is no such process. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)[0];
}

/** The fields of `/proc/<pid>/stat` from the third on, which is the state; none when there is no such process. */
export function statOf(pid: number): readonly string[] {
  const stat = readProc(pid, "stat");
  // The second field is the program's name in parentheses and may hold anything: the last ")" ends it.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  const now = identify(pid);
  return now !== undefined && (startTime === undefined || now.startTime === startTime);
}

export interface MarkedProcess extends ProcessIdentity {
  readonly environment: ReadonlyMap<string, string>;
}

/**
 * Every process whose environment has `name=value`: what was started with it, and what that started in turn. Sees only
 * processes of the same user, or all as root.
 * @returns nothing where there is no `/proc`
 */
export function findMarked(name: string, value: string): readonly MarkedProcess[] {
  if (process.platform !== "linux") return [];
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids.flatMap((pid) => {
    const content = readProc(pid, "environ");
    if (content?.includes(`${name}=${value}\0`) !== true) return [];
    const environment = new Map(
      content
        .split("\0")
        .filter((entry) => entry.includes("="))
        .map((entry) => {
          const equals = entry.indexOf("=");
          return [entry.slice(0, equals), entry.slice(equals + 1)] as const;
        }),
    );
    const identity = identify(pid);
    return identity && environment.get(name) === value ? [{ ...identity, environment }] : [];
  });
}

/** One file of `/proc/<pid>`; `undefined` when the process is gone or another user's. */
export function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    // Gone by now, or another user's.
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Whether there is such a process, be it one that has ended and only waits to be reaped. */
export function hasPid(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM"; // it is there, and another user's
  }
}
