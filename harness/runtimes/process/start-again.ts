import { Client } from "pg";
import { waitFor } from "../../base/wait.ts";
import type { Target } from "../../target/target.ts";
import type { ChangeRecord } from "../process-change.ts";
import { isAnswered, readyUrl, startChild, untilReady, type Child } from "./child.ts";
import { endProcesses } from "./end-processes.ts";
import type { FleetState } from "./fleet-state.ts";
import { holdRecordToStart } from "./hold-record.ts";
import { hasPid, isAlive } from "../process-identity.ts";
import { changedProcess, record } from "./recorded-process.ts";
import { stateFolderOf } from "../state-folder.ts";

/** A service has to migrate, a store to go through its log, on a busy machine. */
const readyWithinMs = 30_000;
/** Whoever started a process that has ended takes note of it at once, unless the machine is busy. */
const reapedWithinMs = 10_000;

/**
 * Starts a service or a store again as it was, unless it runs, and waits until it is ready. The record of the fleet says how it
 * was started, so that a process other than the one which ended it can do so. Who asks while it is being started waits for that.
 * @throws {SQUALL_NO_FLEET} when it is not on record any more
 * @throws {SQUALL_FLEET_START} when it ends, or is not ready in time
 */
export async function startAgain(
  target: Target,
  name: string,
  before: ChangeRecord,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const changed = changedProcess(target, name, before);
    if (changed === undefined) return;
    const { state, process } = changed;
    if (process.isEnding === true) await endProcesses([process]);
    const probe = (): Promise<boolean> => isReady(state, target, name, process.name, signal);
    // One that was struck down just now may live a moment longer, and answers no more.
    const what = `${process.name} to be ready`;
    await waitFor(
      { what, withinMs: readyWithinMs, signal },
      async () => !isAlive(process) || (await probe()),
    );
    if (isAlive(process)) return;
    // PostgreSQL does not start beside a process that has its old id, not even beside one that only waits to be reaped.
    if (process.role === "store")
      await waitFor(
        {
          what: `process ${process.pid} of ${process.name} to be gone`,
          ...{ withinMs: reapedWithinMs, everyMs: 5, signal },
        },
        () => !hasPid(process.pid),
      );
    const child = await startDead(target, name, before, signal);
    if (child !== undefined) return untilReady(child, { withinMs: readyWithinMs, signal, probe });
  }
}

/** @returns nothing when somebody else has started it meanwhile, or another in its place */
async function startDead(
  target: Target,
  name: string,
  before: ChangeRecord,
  signal: AbortSignal,
): Promise<Child | undefined> {
  await using _held = await holdRecordToStart(stateFolderOf(target), signal);
  const changed = changedProcess(target, name, before);
  if (changed === undefined || isAlive(changed.process)) return undefined;
  const { folder, process } = changed;
  const { start, role } = process;
  if (start === undefined) throw new Error(`the record does not say how ${process.name} was started`);
  const child = await startChild(folder, { name: process.name, role, ...start });
  record(folder, process, { ...process, pid: child.pid, startTime: child.startTime, isEnding: false });
  return child;
}

async function isReady(
  { stores, replicas }: FleetState,
  { services }: Target,
  name: string,
  process: string,
  signal: AbortSignal,
): Promise<boolean> {
  const store = stores[name];
  if (store !== undefined) return answersQueries(store);
  const replica = replicas[name]?.find((one) => one.name === process);
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
