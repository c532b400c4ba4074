import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SquallError } from "../../base/errors.ts";
import { formatDuration } from "../../base/units.ts";
import type { ProcessChange, Wanted } from "../process-change.ts";
import { childEnvironment } from "./child.ts";
import { endProcesses } from "./end-processes.ts";
import { findFleetProcesses, type FleetProcess, type FleetState } from "./fleet-state.ts";
import { resume } from "./held-still.ts";
import { beforeOf, changedProcess, recordedProcess, requireAlive } from "./recorded-process.ts";
import { startAgain } from "./start-again.ts";
import type { StateFolder } from "../state-folder.ts";
import type { ThrottleFigures } from "./throttle.ts";

const main = fileURLToPath(new URL("throttle-main.ts", import.meta.url));

/**
 * A service or a store gets so much processor time and no more: a throttle, a small process beside it, holds it still whenever
 * it has had its share. That needs neither root nor cgroups, and takes nothing from anybody else. The throttle ends with whoever
 * started it, and lets the process go on first; it carries the fleet's mark, so that others find and end it.
 */
export function limitCpu(): ProcessChange<Wanted["limitCpu"]> {
  /** By process, of those that this one started. */
  const told = new Map<string, ThrottleFigures>();
  return {
    how: "held still by SIGSTOP whenever it has had more",
    before: (target, name) => beforeOf(target, name),
    async make(target, name, { processors }, signal) {
      const process = requireAlive(target, name);
      const { folder, state } = recordedProcess(target, name);
      signal.throwIfAborted();
      told.delete(process.name);
      const throttle = start(folder, state, process, processors);
      throttle.on("message", (figures: ThrottleFigures) => told.set(process.name, figures));
      await Promise.race([once(throttle, "message", { signal }), failureOf(throttle, process.name)]);
    },
    async evidence(target, name) {
      const { process } = recordedProcess(target, name);
      const figures = told.get(process.name);
      if (figures === undefined) return { bit: false, detail: `nothing tells what ${name} used` };
      const { holds, heldMs, watchedMs, usedMs } = figures;
      const had = `${name} had ${(usedMs / watchedMs).toFixed(2)} processors over ${formatDuration(watchedMs)}`;
      return holds === 0
        ? { bit: false, detail: `${had} and never wanted more than it was left` }
        : {
            bit: true,
            detail: `${had}; it was held still ${holds} times, for ${formatDuration(heldMs)} in all`,
          };
    },
    async takeBack(target, name, before, signal) {
      const changed = changedProcess(target, name, before);
      if (changed !== undefined) {
        const { folder, process } = changed;
        const own = findFleetProcesses(folder).filter((one) => one.name === throttleOf(process));
        await endProcesses(own);
        resume(process);
      }
      await startAgain(target, name, before, signal);
    },
  };
}

function throttleOf({ name }: Pick<FleetProcess, "name">): string {
  return `squall-throttle-${name}`;
}

function start(
  folder: StateFolder,
  { logsFolder }: FleetState,
  victim: FleetProcess,
  processors: number,
): ChildProcess {
  const name = throttleOf(victim);
  const log = openSync(join(logsFolder, `${name}.jsonl`), "a");
  try {
    const identity = [
      ...["--name", victim.name, "--pid", String(victim.pid)],
      ...(victim.startTime === undefined ? [] : ["--start-time", victim.startTime]),
    ];
    const throttle = fork(main, [...identity, "--processors", String(processors)], {
      env: childEnvironment(folder, {
        name,
        role: "setup",
        environment: { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? folder.compileCache },
      }),
      stdio: ["ignore", log, log, "ipc"],
      detached: true, // Ctrl-C at the terminal is for whoever runs Squall
    });
    throttle.unref();
    throttle.channel?.unref();
    return throttle;
  } finally {
    closeSync(log);
  }
}

/** Never resolves. */
async function failureOf(throttle: ChildProcess, name: string): Promise<never> {
  const [code, signal] = (await once(throttle, "exit")) as [number | null, NodeJS.Signals | null];
  throw new SquallError(
    "SQUALL_UNSUPPORTED",
    `the throttle of ${name} ended with ${signal ?? `exit code ${code}`} before it told anything`,
  );
}
