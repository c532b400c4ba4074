import { readdirSync, readlinkSync } from "node:fs";
import { readProc } from "../../harness/runtimes/process-identity.ts";
import { proportionalSetSizeBytes } from "../../harness/runtimes/process/memory.ts";
import type { Fleet } from "../../harness/runtimes/runtime.ts";

/** What a process is to the fleet, in the order in which it is told. */
export const parts = ["services", "stores", "proxy and receiver", "outside world"] as const;
export type Part = (typeof parts)[number];

export interface FleetProcess {
  readonly name: string;
  readonly pid: number;
  readonly part: Part;
}

/** A replica counts as its service: `catalog-2` is one of `catalog`. */
export function processesOf(fleet: Fleet): readonly FleetProcess[] {
  const { stores, outside } = fleet.target;
  const partOf = (name: string): Part => {
    if (name.startsWith("squall-")) return "proxy and receiver";
    if (name in stores) return "stores";
    return name in outside ? "outside world" : "services";
  };
  return fleet.processes.map(({ name, pid }) => ({ name, pid, part: partOf(name) }));
}

/** A figure of each process. */
export type ByProcess = ReadonlyMap<FleetProcess, number>;

export function byProcess(
  processes: readonly FleetProcess[],
  figureOf: (process: FleetProcess) => number,
): ByProcess {
  return new Map(processes.map((process) => [process, figureOf(process)]));
}

export function sum(figures: ByProcess, part?: Part): number {
  return [...figures]
    .filter(([process]) => part === undefined || process.part === part)
    .reduce((total, [, figure]) => total + figure, 0);
}

/** What each figure has grown by. */
export function less(after: ByProcess, before: ByProcess): ByProcess {
  return new Map([...after].map(([process, figure]) => [process, figure - (before.get(process) ?? 0)]));
}

/** Processor time that a process and all that it started have used, those that have ended among them, in milliseconds. */
export function cpuMs({ pid }: Pick<FleetProcess, "pid">): number {
  const stat = readProc(pid, "stat");
  if (stat === undefined) return NaN;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = [11, 12, 13, 14].reduce((total, index) => total + Number(fields[index]), 0);
  return ticks * 10 + childrenOf(pid).reduce((total, child) => total + (cpuMs({ pid: child }) || 0), 0);
}

/** Proportional set size of a process and all that it started, in bytes: what they share counts once in all. */
export function memoryBytes({ pid }: FleetProcess): number {
  return proportionalSetSizeBytes([pid]) ?? NaN;
}

/** Sockets that a process has open, those that it listens on among them. */
export function openSockets({ pid }: FleetProcess): number {
  return readdirSync(`/proc/${pid}/fd`).filter((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`).startsWith("socket:");
    } catch {
      return false; // closed since it was listed
    }
  }).length;
}

function childrenOf(pid: number): readonly number[] {
  const children = readProc(pid, `task/${pid}/children`)?.trim() ?? "";
  return children === "" ? [] : children.split(" ").map(Number);
}
