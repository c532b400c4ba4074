import { SquallError } from "../../base/errors.ts";
import type { Target } from "../../target/target.ts";
import type { CanKill, Fleet, Runtime } from "../runtime.ts";
import { statusOf } from "./child.ts";
import { endFleet } from "./end-fleet.ts";
import { readFleetState, type FleetState } from "./fleet-state.ts";
import { killProcess, startProcess } from "./kill-process.ts";
import { acquireLock } from "./lock.ts";
import { isAlive } from "./process-identity.ts";
import { startFleet } from "./start-fleet.ts";
import { stateFolderOf, type StateFolder } from "./state-folder.ts";

/**
 * A fleet of local processes: each service, each part of the outside world, each store (a PostgreSQL server of its
 * own), the proxy and the span receiver. What runs is on record in the state folder, and marked in its environment, so
 * that a fleet can be found and ended by anyone: see `state-folder.ts`, `fleet-state.ts`, `end-fleet.ts`.
 */
export function processRuntime(): Runtime & CanKill {
  return {
    name: "process",
    stateFolder: (target) => stateFolderOf(target).path,
    lock: (target, what) => acquireLock(stateFolderOf(target), what),
    cleanUp: (target) => endFleet(stateFolderOf(target)),
    killProcess: (target, name) => killProcess(stateFolderOf(target), name),
    startProcess: (target, name, signal) => startProcess(stateFolderOf(target), target, name, signal),

    async start(target, options) {
      const folder = stateFolderOf(target);
      requireSupported();
      if (await findFleet(folder))
        throw new SquallError("SQUALL_FLEET_START", `the fleet of ${target.file} is up already`, {
          hint: "squall down",
        });
      const fleet = fleetOf(target, folder, await startFleet(folder, target, options));
      return { ...fleet, [Symbol.asyncDispose]: () => fleet.stop() };
    },

    async attach(target) {
      const folder = stateFolderOf(target);
      const state = await findFleet(folder);
      // It was there before, and is there after: disposing of it does nothing.
      return state && { ...fleetOf(target, folder, state), [Symbol.asyncDispose]: async () => undefined };
    },
  };
}

function requireSupported(): void {
  if (process.platform === "linux" || process.platform === "darwin") return;
  throw new SquallError("SQUALL_UNSUPPORTED", `a fleet of local processes needs Linux or macOS`, {
    hint: "on Windows, the Windows Subsystem for Linux will do",
  });
}

/** The fleet on record, if all of it is up and it was meant to stay. */
async function findFleet(folder: StateFolder): Promise<FleetState | undefined> {
  const state = readFleetState(folder);
  if (state?.isReady !== true || !state.isKept || !state.processes.every(isAlive)) return undefined;
  try {
    const status = await statusOf(`${state.proxyApi}/version`, new AbortController().signal);
    return status === 200 ? state : undefined;
  } catch {
    return undefined; // its proxy does not answer: it is of no use
  }
}

function fleetOf(
  target: Target,
  folder: StateFolder,
  state: FleetState,
): Omit<Fleet, typeof Symbol.asyncDispose> {
  let stopping: Promise<unknown> | undefined;
  return {
    target,
    settings: state.settings,
    proxyApi: state.proxyApi,
    entry: state.entry,
    receiver: state.receiver,
    edges: state.edges,
    addresses: new Map(Object.entries(state.addresses)),
    stores: new Map(Object.entries(state.stores)),
    logsFolder: state.logsFolder,
    processes: state.processes.map(({ name, pid }) => ({ name, pid })),
    async stop() {
      stopping ??= endFleet(folder);
      await stopping;
    },
  };
}
