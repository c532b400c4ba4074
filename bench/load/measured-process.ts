/** What Linux tells of a process, and where it may run. Nothing on other systems. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Processor time of all its threads since its start; the kernel counts in ticks of 10 ms. */
export function cpuMsOf(pid: number | undefined): number | undefined {
  const afterName = proc(pid, "stat")?.split(") ").at(-1)?.split(" ");
  return afterName === undefined ? undefined : (Number(afterName[11]) + Number(afterName[12])) * 10;
}

/** The same of the threads that it has now, to the nanosecond. @throws when the system does not tell */
export function threadsCpuMsOf(pid: number | undefined): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}

export function peakBytesOf(pid: number | undefined): number | undefined {
  return statusBytes(pid, "VmHWM");
}

export function residentBytesOf(pid: number | undefined): number | undefined {
  return statusBytes(pid, "VmRSS");
}

/** The child of this process whose command line names a file; those that fork do not tell its pid. */
export function childRunning(file: string): number | undefined {
  return proc(process.pid, `task/${process.pid}/children`)
    ?.trim()
    .split(" ")
    .map(Number)
    .findLast((pid) => proc(pid, "cmdline")?.includes(file));
}

/** Keeps all threads of a process, and those it will have, on one processor. @throws when the system does not do that */
export function pin(pid: number, processor: number): void {
  const { status, stderr } = spawnSync("taskset", ["-a", "-p", "-c", String(processor), String(pid)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}

function statusBytes(pid: number | undefined, field: string): number | undefined {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(proc(pid, "status") ?? "")?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
}

function proc(pid: number | undefined, file: string): string | undefined {
  if (pid === undefined || process.platform !== "linux") return undefined;
  return readFileSync(`/proc/${pid}/${file}`, "utf8");
}
