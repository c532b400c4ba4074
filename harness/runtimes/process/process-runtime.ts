import { SquallError } from "../../base/errors.ts";
import type { Target } from "../../target/target.ts";
import type { CanKill, CanLimitCpu, CanPause, CanRestart } from "../process-change.ts";
import type { CanScale, Fleet, Replica, Runtime } from "../runtime.ts";
import { doesProxyAnswer } from "./edges.ts";
import { endFleet } from "./end-fleet.ts";
import { processOf, readFleetState, type FleetState } from "./fleet-state.ts";
import { keepLogs } from "./keep-logs.ts";
import { kill } from "./kill.ts";
import { limitCpu } from "./limit-cpu.ts";
import { acquireLock } from "../lock.ts";
import { pause } from "./pause.ts";
import { isAlive } from "../process-identity.ts";
import { upstreamsOf } from "./replicas.ts";
import { listReplicas, restartService, scaleService } from "./scale-fleet.ts";
import { startFleet } from "./start-fleet.ts";
import { stop } from "./stop.ts";
import { stateFolderOf, type StateFolder } from "../state-folder.ts";

/** Elsewhere than on Linux nothing tells whether a process is held still, or what it uses. */
type ProcessRuntime = Runtime & CanKill & CanRestart & Partial<CanPause & CanLimitCpu> & CanScale;

/**
 * A fleet of local processes: each service, each part of the outside world, each store (a PostgreSQL server of its
 * own), the proxy and the span receiver. What runs is on record in the state folder, and marked in its environment, so
 * that a fleet can be found and ended by anyone: see `state-folder.ts`, `fleet-state.ts`, `end-fleet.ts`.
 */
export function processRuntime(): ProcessRuntime {
  return {
    ...(process.platform === "linux" ? { pause, limitCpu: limitCpu() } : {}),
    name: "process",
    stateFolder: (target) => stateFolderOf(target).path,
    lock: (target, what) => acquireLock(stateFolderOf(target), what),
    cleanUp: (target) => endFleet(stateFolderOf(target)),
    kill,
    stop,
    listReplicas: (target) => listReplicas(stateFolderOf(target), target),
    scale: (target, service, count, options) =>
      scaleService(stateFolderOf(target), target, service, count, options),
    restart: (target, service, options) => restartService(stateFolderOf(target), target, service, options),

    async start(target, options) {
      const folder = stateFolderOf(target);
      requireSupported();
      if (await findFleet(folder))
        throw new SquallError("SQUALL_FLEET_START", `the fleet of ${target.file} is up already`, {
          hint: "squall down",
        });
      return fleetOf(target, folder, await startFleet(folder, target, options), "stop");
    },

    async attach(target) {
      const folder = stateFolderOf(target);
      const state = await findFleet(folder);
      // It was there before, and is there after.
      return state && fleetOf(target, folder, state, "leave");
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
  if (state?.isReady !== true || !state.isKept || !isWhole(state)) return undefined;
  return (await doesProxyAnswer(state.proxyApi)) ? state : undefined;
}

/** Every part of it runs; of a service with several replicas, one is enough. */
function isWhole(state: FleetState): boolean {
  return (
    state.processes.every((process) => process.role === "service" || isAlive(process)) &&
    Object.values(state.replicas).every((replicas) =>
      replicas.some((replica) => {
        const process = processOf(state, replica);
        return process !== undefined && isAlive(process);
      }),
    )
  );
}

/** @param disposal what disposing of it does */
function fleetOf(
  target: Target,
  folder: StateFolder,
  started: FleetState,
  disposal: "stop" | "leave",
): Fleet {
  let stopping: Promise<unknown> | undefined;
  /** As it is on record now; once that is gone, as it was. */
  const now = (): FleetState => {
    const state = readFleetState(folder);
    return state?.startedAtMs === started.startedAtMs ? state : started;
  };
  const fleet: Fleet = {
    target,
    settings: started.settings,
    proxyApi: started.proxyApi,
    entry: started.entry,
    receiver: started.receiver,
    stores: new Map(Object.entries(started.stores)),
    spanDelivery: "file",
    keepLogs: (to) => Promise.resolve(keepLogs(started.logsFolder, to)),
    get edges() {
      const { edges, replicas } = now();
      return edges.map((edge) => {
        const [upstream = edge.upstream] = upstreamsOf(target, edge, replicas[edge.callee] ?? []);
        return { ...edge, upstream };
      });
    },
    get replicas() {
      const state = now();
      return new Map(
        Object.entries(state.replicas).map(([service, replicas]) => [
          service,
          replicas.flatMap((replica): readonly Replica[] => {
            const process = processOf(state, replica);
            return process ? [{ ...replica, pid: process.pid }] : [];
          }),
        ]),
      );
    },
    get addresses() {
      const { outside, replicas } = now();
      const all = Object.values(replicas).flat();
      return new Map([
        ...Object.entries(outside),
        ...all.map(({ name, addresses }) => [name, addresses] as const),
        ...Object.entries(replicas).flatMap(([service, [oldest]]) =>
          oldest ? [[service, oldest.addresses] as const] : [],
        ),
      ]);
    },
    get processes() {
      return now().processes.map(({ name, pid }) => ({ name, pid }));
    },
    async stop() {
      stopping ??= endFleet(folder);
      await stopping;
    },
    [Symbol.asyncDispose]: () => (disposal === "stop" ? fleet.stop() : Promise.resolve()),
  };
  return fleet;
}
