import { join } from "node:path";
import { formatAddress } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import type { Service, Target } from "../../target/target.ts";
import { drained, upstreamFigures } from "../edge-upstreams.ts";
import { instanceVariables } from "../instance-variables.ts";
import type { ChangeOptions, FleetEdge, ReplicaChange, ServiceReplicas } from "../runtime.ts";
import { readyUrl, startChild, untilAnswered, type Child } from "./child.ts";
import { doesProxyAnswer, leadEdges } from "./edges.ts";
import { endProcesses } from "./end-processes.ts";
import {
  processOf,
  readFleetState,
  writeFleetState,
  type FleetProcess,
  type FleetState,
  type RecordedReplica,
} from "./fleet-state.ts";
import { createPortPicker } from "./free-ports.ts";
import { holdRecordToStart } from "./hold-record.ts";
import { acquireLock } from "../lock.ts";
import { isAlive } from "../process-identity.ts";
import { partNames, pickAddresses, portVariables, replicaName } from "./replicas.ts";
import type { StateFolder } from "../state-folder.ts";

/**
 * Replicas come and go while the fleet is in use; whoever does that need not be who started the fleet.
 *
 *   come: start ─→ ready ─→ on record ─→ edges lead to it
 *   go:   off the record ─→ edges lead to it no more ─→ drained ─→ SIGTERM
 *
 * The record decides: what a change that was killed half-way left is put right by the next one, which has the edges lead to
 * what is on record, and ends replicas that are not.
 */

/** How long callers may keep a connection to a replica that they are led to no more. */
const drainWithinMs = 5_000;
/** A process that is gone holds its port a moment longer. */
const portFreeWithinMs = 2_000;
const host = "127.0.0.1";

/** @throws {SQUALL_NO_FLEET|SQUALL_LOCKED|SQUALL_FLEET_START|SQUALL_PROXY} */
export async function scaleService(
  folder: StateFolder,
  target: Target,
  name: string,
  count: number,
  options: ChangeOptions,
): Promise<ReplicaChange> {
  await using _lock = await lockChanges(folder, `scale ${name} ${count}`);
  const change = await Change.begin(folder, target, name, options);
  await change.add(Math.max(0, count - change.live.length));
  for (const replica of change.live.slice(count).reverse()) await change.remove(replica);
  return change.result;
}

/** @throws as {@link scaleService} */
export async function restartService(
  folder: StateFolder,
  target: Target,
  name: string,
  options: ChangeOptions,
): Promise<ReplicaChange> {
  await using _lock = await lockChanges(folder, `restart ${name}`);
  const change = await Change.begin(folder, target, name, options);
  const { live } = change;
  for (const old of live) await change.replace(old);
  if (live.length === 0) await change.add(1);
  // A port that the target fixes could not be had while the one that held it was there.
  const [first] = change.live;
  if (first !== undefined && change.lacksFixedPort) await change.replace(first);
  return change.result;
}

/** @throws {SQUALL_NO_FLEET|SQUALL_PROXY} */
export async function listReplicas(folder: StateFolder, target: Target): Promise<readonly ServiceReplicas[]> {
  const state = await requireFleet(folder, target);
  const figures = await upstreamFigures(
    state.proxyApi,
    state.edges.filter(({ callee }) => Object.hasOwn(state.replicas, callee)),
  );
  return Object.entries(state.replicas).map(([service, replicas]) => ({
    service,
    replicas: replicas.flatMap((replica) => {
      const { name, addresses } = replica;
      const process = processOf(state, replica);
      if (process === undefined) return []; // is being started or ended just now
      const known = Object.values(addresses).flatMap((address) => figures.get(formatAddress(address)) ?? []);
      return {
        name,
        pid: process.pid,
        addresses,
        state: !isAlive(process) ? "dead" : known.every(({ isUp }) => isUp) ? "up" : "down",
        connections: known.reduce((sum, { connections }) => sum + connections, 0),
      };
    }),
  }));
}

/** Changes exclude each other, not the run that they are made under. */
function lockChanges({ path, changeLock, changeLockHolder }: StateFolder, what: string) {
  return acquireLock({ path, lock: changeLock, lockHolder: changeLockHolder }, what);
}

async function requireFleet(folder: StateFolder, target: Target): Promise<FleetState> {
  const state = readFleetState(folder);
  if (state?.isReady === true && (await doesProxyAnswer(state.proxyApi))) return state;
  throw noFleet(target);
}

function noFleet({ name }: Target): SquallError {
  return new SquallError("SQUALL_NO_FLEET", `no fleet of ${name} is up`, { hint: "squall up" });
}

/** One change of a service's replicas, under way. */
class Change {
  readonly #folder: StateFolder;
  readonly #target: Target;
  readonly #name: string;
  readonly #service: Service;
  readonly #options: ChangeOptions;
  /** Of the fleet that is meant: another one may have taken its place meanwhile. */
  readonly #startedAtMs: number;
  readonly #before: number;
  readonly #started: string[] = [];
  readonly #stopped: string[] = [];

  private constructor(
    folder: StateFolder,
    target: Target,
    name: string,
    options: ChangeOptions,
    state: FleetState,
  ) {
    const service = target.services[name];
    if (service === undefined) throw new Error(`no service ${name} in the target`);
    this.#folder = folder;
    this.#target = target;
    this.#name = name;
    this.#service = service;
    this.#options = options;
    this.#startedAtMs = state.startedAtMs;
    this.#before = this.live.length;
  }

  static async begin(
    folder: StateFolder,
    target: Target,
    name: string,
    options: ChangeOptions,
  ): Promise<Change> {
    const state = await requireFleet(folder, target);
    const change = new Change(folder, target, name, options, state);
    await change.#putRight(state);
    return change;
  }

  get result(): ReplicaChange {
    return {
      before: this.#before,
      after: this.live.length,
      started: this.#started,
      stopped: this.#stopped,
    };
  }

  /** Replicas whose process runs, the oldest first. */
  get live(): readonly RecordedReplica[] {
    const state = this.#state;
    return this.#replicas.filter((replica) => {
      const process = processOf(state, replica);
      return process !== undefined && isAlive(process);
    });
  }

  get lacksFixedPort(): boolean {
    return Object.keys(this.#freeFixedPorts).length > 0;
  }

  /** Starts replicas, all at once, and has them called once all are ready; those that have died are forgotten. */
  async add(count: number): Promise<void> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const begun = await this.#startAll(count);
    try {
      await Promise.all(
        begun.map(async ({ child, replica }) => {
          await untilAnswered(child, readyUrl(this.#service, replica.addresses), signal);
          this.#tell(`${replica.name} is ready`);
        }),
      );
    } catch (error) {
      await this.#end(begun.map(({ child }) => child));
      throw error;
    }
    const replicas = begun.map(({ replica }) => replica);
    await this.#lead([...this.live, ...replicas]);
    this.#started.push(...replicas.map(({ name }) => name));
  }

  /** Has a replica called no more, waits until it is drained, and ends it. */
  async remove(replica: RecordedReplica): Promise<void> {
    await this.#lead(this.#replicas.filter(({ name }) => name !== replica.name));
    const addresses = Object.values(replica.addresses);
    const left = await drained(this.#state.proxyApi, this.#edges, addresses, drainWithinMs);
    this.#tell(
      left === 0
        ? `${replica.name} is drained`
        : `${replica.name} still has ${left} connections after ${drainWithinMs} ms: it is left to end them itself`,
    );
    const process = processOf(this.#state, replica);
    if (process !== undefined) await this.#end([process]);
    this.#stopped.push(replica.name);
    this.#tell(`${replica.name} is ended`);
  }

  async replace(replica: RecordedReplica): Promise<void> {
    await this.add(1);
    await this.remove(replica);
  }

  /** What a change that was killed left half done, and the record of those that died since and have been replaced. */
  async #putRight(state: FleetState): Promise<void> {
    const onRecord = new Set(Object.values(state.replicas).flatMap((own) => own.map(({ name }) => name)));
    await this.#end(state.processes.filter(({ role, name }) => role === "service" && !onRecord.has(name)));
    await leadEdges(state.proxyApi, this.#target, this.#edges, this.#replicas);
  }

  async #startAll(count: number): Promise<readonly { child: Child; replica: RecordedReplica }[]> {
    const begun: { child: Child; replica: RecordedReplica }[] = [];
    try {
      for (const replica of await this.#planReplicas(count)) {
        await using _held = await holdRecordToStart(this.#folder, this.#options.signal);
        const child = await startChild(this.#folder, this.#childOf(replica));
        const { name, role, pid, startTime, start } = child;
        this.#record(({ processes }) => ({
          processes: [...processes, { name, role, pid, startTime, start }],
        }));
        begun.push({ child, replica });
      }
    } catch (error) {
      await this.#end(begun.map(({ child }) => child));
      throw error;
    }
    return begun;
  }

  /** Under names that nothing in the fleet has, on ports that nothing in it has. */
  async #planReplicas(count: number): Promise<readonly RecordedReplica[]> {
    const state = this.#state;
    const taken = new Set([
      ...[...partNames(this.#target)].filter((name) => name !== this.#name),
      ...state.processes.map(({ name }) => name),
    ]);
    const picker = createPortPicker(host, portsIn(state));
    let fixed: Record<string, number> = {};
    for (const [port, number] of Object.entries(this.#freeFixedPorts))
      fixed[port] = await picker.claim(number, `services.${this.#name}.ports.${port}`, portFreeWithinMs);
    const planned: RecordedReplica[] = [];
    while (planned.length < count) {
      const name = replicaName(this.#name, taken);
      taken.add(name);
      planned.push({ name, addresses: await pickAddresses(this.#service, picker, fixed) });
      fixed = {};
    }
    return planned;
  }

  /** As the service's other processes were started, but for what a replica is told of itself. */
  #childOf({ name, addresses }: RecordedReplica) {
    const { logsFolder } = this.#state;
    const start = this.#replicas
      .map((replica) => processOf(this.#state, replica)?.start)
      .find((known) => known !== undefined);
    if (start === undefined) throw new Error(`nothing on record says how ${this.#name} is started`);
    return {
      ...start,
      name,
      role: "service" as const,
      environment: {
        ...start.environment,
        ...portVariables(this.#service, addresses),
        ...instanceVariables(name),
      },
      logFile: join(logsFolder, `${name}.jsonl`),
    };
  }

  /** Ports that the target fixes and that no running replica has. */
  get #freeFixedPorts(): Readonly<Record<string, number>> {
    const held = new Set(
      this.live.flatMap(({ addresses }) => Object.values(addresses).map(({ port }) => port)),
    );
    return Object.fromEntries(
      Object.entries(this.#service.ports).flatMap(([name, { port }]) =>
        port === undefined || held.has(port) ? [] : [[name, port] as const],
      ),
    );
  }

  get #edges(): readonly FleetEdge[] {
    return this.#state.edges.filter(({ callee }) => callee === this.#name);
  }

  get #replicas(): readonly RecordedReplica[] {
    return this.#state.replicas[this.#name] ?? [];
  }

  async #lead(replicas: readonly RecordedReplica[]): Promise<void> {
    this.#record((state) => ({ replicas: { ...state.replicas, [this.#name]: [...replicas] } }));
    await leadEdges(this.#state.proxyApi, this.#target, this.#edges, replicas);
  }

  async #end(processes: readonly FleetProcess[]): Promise<void> {
    await endProcesses(processes);
    const pids = new Set(processes.map(({ pid }) => pid));
    this.#record((state) => ({ processes: state.processes.filter(({ pid }) => !pids.has(pid)) }));
  }

  /** @throws {SQUALL_NO_FLEET} when the fleet has ended meanwhile */
  get #state(): FleetState {
    const state = readFleetState(this.#folder);
    if (state?.startedAtMs !== this.#startedAtMs) throw noFleet(this.#target);
    return state;
  }

  #record(change: (state: FleetState) => Partial<FleetState>): void {
    const state = this.#state;
    writeFleetState(this.#folder, { ...state, ...change(state) });
  }

  #tell(message: string): void {
    this.#options.onProgress?.(message);
  }
}

function portsIn({ edges, outside, replicas, stores, proxyApi, receiver }: FleetState): readonly number[] {
  const addresses = [
    ...edges.map(({ listen }) => listen),
    ...Object.values(outside).flatMap((own) => Object.values(own)),
    ...Object.values(replicas)
      .flat()
      .flatMap((replica) => Object.values(replica.addresses)),
  ];
  const urls = [...Object.values(stores), proxyApi, receiver];
  return [...addresses.map(({ port }) => port), ...urls.map((url) => Number(new URL(url).port))];
}
