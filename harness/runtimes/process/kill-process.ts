import { Client } from "pg";
import { SquallError } from "../../base/errors.ts";
import { waitFor } from "../../base/wait.ts";
import type { Target } from "../../target/target.ts";
import { isAnswered, readyUrl, startChild, untilReady } from "./child.ts";
import { endAtOnce } from "./end-processes.ts";
import { readFleetState, writeFleetState, type FleetProcess, type FleetState } from "./fleet-state.ts";
import { hasPid, isAlive } from "./process-identity.ts";
import type { StateFolder } from "./state-folder.ts";

/**
 * Services and stores die as in a crash and are started again as they were: the record of the fleet says how each was
 * started, so that a process other than the one which killed it can do so.
 */

/** A service has to migrate, a store to go through its log, on a busy machine. */
const readyWithinMs = 30_000;
/** Whoever started a process that has ended takes note of it at once, unless the machine is busy. */
const reapedWithinMs = 10_000;

/**
 * Ends a service or a store by SIGKILL, with all that it started; resolves when none of it is left.
 * @throws {SQUALL_NO_FLEET} when no such process is on record
 */
export async function killProcess(folder: StateFolder, name: string): Promise<void> {
  await endAtOnce(onRecord(folder, name).process);
}

/**
 * Starts a service or a store again, unless it runs, and waits until it is ready.
 * @throws {SQUALL_NO_FLEET} when no such process is on record
 * @throws {SQUALL_FLEET_START} when it ends, or is not ready in time
 */
export async function startProcess(
  folder: StateFolder,
  target: Target,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { state, process } = onRecord(folder, name);
  const probe = (): Promise<boolean> => isReady(state, target, name, signal);
  if (isAlive(process))
    return void (await waitFor({ what: `${name} to be ready`, withinMs: readyWithinMs, signal }, probe));
  const { start, role } = process;
  if (start === undefined) throw new Error(`the record does not say how ${name} was started`);
  // PostgreSQL does not start beside a process that has its old id, not even beside one that only waits to be reaped.
  if (role === "store")
    await waitFor(
      { what: `process ${process.pid} of ${name} to be gone`, withinMs: reapedWithinMs, everyMs: 5, signal },
      () => !hasPid(process.pid),
    );
  const child = await startChild(folder, { name: process.name, role, ...start });
  replace(folder, process, { ...process, pid: child.pid, startTime: child.startTime });
  await untilReady(child, { withinMs: readyWithinMs, signal, probe });
}

interface Recorded {
  readonly state: FleetState;
  readonly process: FleetProcess;
}

function onRecord(folder: StateFolder, name: string): Recorded {
  const state = readFleetState(folder);
  // Of a service, the oldest replica: after a restart it has another name.
  const wanted = state?.replicas[name]?.[0]?.name ?? name;
  const process = state?.processes.find(
    (one) => one.name === wanted && (one.role === "service" || one.role === "store"),
  );
  if (state !== undefined && process !== undefined) return { state, process };
  throw new SquallError("SQUALL_NO_FLEET", `no service or store ${name} is on record in ${folder.path}`);
}

/** The record may have changed while the process was started. */
function replace(folder: StateFolder, before: FleetProcess, after: FleetProcess): void {
  const state = readFleetState(folder);
  if (state === undefined) return;
  const processes = state.processes.map((one) => (one.pid === before.pid ? after : one));
  writeFleetState(folder, { ...state, processes });
}

async function isReady(
  { stores, replicas }: FleetState,
  { services }: Target,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const store = stores[name];
  if (store !== undefined) return answersQueries(store);
  const [replica] = replicas[name] ?? [];
  const service = services[name];
  if (replica === undefined || service === undefined) throw new Error(`nothing tells when ${name} is ready`);
  return isAnswered(readyUrl(service, replica.addresses), signal);
}

async function answersQueries(url: string): Promise<boolean> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
  });
  // A server that goes away under the connection; the query's rejection tells.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } finally {
    await client.end();
  }
}
