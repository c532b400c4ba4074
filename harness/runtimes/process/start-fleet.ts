import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatAddress, type Address } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { SquallError } from "../../base/errors.ts";
import type { Part, Service, Target } from "../../target/target.ts";
import type { StartOptions } from "../runtime.ts";
import { readyUrl, startChild, untilAnswered, type Child, type ChildSpec } from "./child.ts";
import { leadTo } from "./edges.ts";
import { endFleet } from "./end-fleet.ts";
import { callVariables, listenersOf, planFleet, storeUrl, type FleetPlan } from "./fleet-plan.ts";
import { takenOf } from "./free-ports.ts";
import { writeFleetState, type FleetState, type RecordedReplica } from "./fleet-state.ts";
import { makeDataFolder, openTemplate, startCluster, type PostgresTemplate } from "./postgres-cluster.ts";
import { openPostgresHome } from "./postgres-home.ts";
import { instanceVariables } from "../instance-variables.ts";
import { portVariables } from "./replicas.ts";
import { makeSharedFolders } from "./shared-folders.ts";
import { makeFolder, type StateFolder } from "../state-folder.ts";

/**
 * A dozen Node processes share one machine, and V8's young generation grows to tens of megabytes in each: with this bound
 * the shop, its stores and the harness peak at 1.3 GB instead of 1.7 (`npm run bench`).
 */
const smallYoungGeneration = "--max-semi-space-size=2";
/** With other ports each time, where another program took one before its use. */
const mostStarts = 3;
/** Threads of a process that is gone hold its port a moment longer. */
const portFreeWithinMs = 500;
/** How long the proxy lets a fault live whose lease nobody renews. */
const lease = "5s";

/**
 * Starts everything that a target names.
 *
 *   ports ─┬→ proxy, with one proxy an edge ─┬→ services ─┬→ ready
 *          ├→ template → stores ─────────────┘            │
 *          └→ span receiver, outside world ───────────────┘
 *
 * Either all of it is up when this returns, or nothing is.
 * @throws {SQUALL_PORT_IN_USE} @throws {SQUALL_FLEET_START} @throws {SQUALL_UNSUPPORTED}
 */
export async function startFleet(
  folder: StateFolder,
  target: Target,
  options: StartOptions,
): Promise<FleetState> {
  await endFleet(folder); // what a killed owner left behind
  for (let starts = 1; ; starts += 1) {
    options.signal.throwIfAborted();
    makeFolder(folder.path);
    makeFolder(options.logsFolder);
    const plan = await planFleet(target, options.replicas);
    const startup = new Startup(folder, target, options, plan);
    try {
      return await startup.run();
    } catch (error) {
      await endFleet(folder);
      // With all of the fleet's own gone, who still listens is another program, that was there first.
      const isLast = options.signal.aborted || starts === mostStarts;
      const taken = isLast ? [] : await takenOf(listenersOf(plan), portFreeWithinMs);
      if (taken.length === 0) throw error;
      options.onProgress?.(
        `another program has taken port ${taken.join(", ")} meanwhile: starting on others`,
      );
    }
  }
}

/** One start of a fleet, under way. */
class Startup {
  readonly #folder: StateFolder;
  readonly #target: Target;
  readonly #options: StartOptions;
  readonly #plan: FleetPlan;
  /** Variables by which services are told of the folders that they share. */
  readonly #folders: Readonly<Record<string, string>>;
  /** Aborts when the caller does, and when any part fails: the others need not go on. */
  readonly #halt = new AbortController();
  #state: FleetState;

  constructor(folder: StateFolder, target: Target, options: StartOptions, plan: FleetPlan) {
    this.#folder = folder;
    this.#target = target;
    this.#options = options;
    this.#plan = plan;
    this.#folders = makeSharedFolders(folder, target);
    const entry = plan.edges[0]; // the clients' edge is the first
    this.#state = {
      schemaVersion: 2,
      isReady: false,
      isKept: options.isKept,
      startedAtMs: systemClock.nowMs(),
      seed: options.seed,
      settings: { ...options.settings },
      logsFolder: options.logsFolder,
      proxyApi: `http://${formatAddress(plan.proxyApi)}`,
      entry: entry ? `http://${formatAddress(entry.listen)}` : "",
      receiver: `http://${formatAddress(plan.receiver)}`,
      edges: plan.edges.map((edge) => ({ ...edge })),
      outside: Object.fromEntries(plan.outside),
      replicas: Object.fromEntries([...plan.replicas].map(([service, replicas]) => [service, [...replicas]])),
      stores: {},
      processes: [],
    };
  }

  async run(): Promise<FleetState> {
    const { signal } = this.#options;
    const onAbort = (): void => this.#halt.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const { outside } = this.#target;
      await this.#all([
        this.#startServices(),
        this.#startReceiver(),
        ...Object.entries(outside).map(([name, part]) =>
          this.#startPart("outside", name, part, this.#plan.outside.get(name) ?? {}, {}),
        ),
      ]);
      this.#record({ isReady: true });
      return this.#state;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** All of them, or the first failure, once the others have come to rest: nothing starts after this has thrown. */
  async #all<const T extends readonly Promise<unknown>[]>(
    tasks: T,
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
    const halting = tasks.map((task) =>
      task.catch((error: unknown) => {
        this.#halt.abort(error);
      }),
    );
    const results = await Promise.all(halting);
    this.#halt.signal.throwIfAborted();
    return results as { -readonly [K in keyof T]: Awaited<T[K]> };
  }

  /** All services, once each can reach its store. */
  async #startServices(): Promise<void> {
    const [, login] = await this.#all([this.#startProxy(), this.#startStores()]);
    await this.#all(
      [...this.#plan.replicas].flatMap(([service, replicas]) =>
        replicas.map((replica) => this.#startReplica(service, replica, login)),
      ),
    );
  }

  async #startStores(): Promise<PostgresTemplate | undefined> {
    if (this.#plan.stores.size === 0) return undefined;
    const { signal } = this.#halt;
    const home = await openPostgresHome(this.#folder, signal);
    const template = await openTemplate(this.#folder, home, signal);
    makeDataFolder(home);
    const clusters = [...this.#plan.stores].map(async ([name, address]) => {
      const logFile = join(this.#options.logsFolder, `${name}.log`);
      const onStarted = (child: Child): void => this.#recordProcess(child);
      await startCluster(this.#folder, home, template, { name, address, logFile, signal, onStarted });
      this.#record({ stores: { ...this.#state.stores, [name]: storeUrl(name, address, template) } });
      this.#tell(`${name} is ready`);
    });
    await this.#all(clusters);
    return template;
  }

  async #startProxy(): Promise<void> {
    const { proxyApi, edges } = this.#plan;
    const child = await this.#startOwn("proxy", "../../proxy/main.ts", [
      ...["--listen", formatAddress(proxyApi)],
      ...["--lease", lease],
      ...["--seed", this.#options.seed],
    ]);
    await this.#untilAnswered(child, `${this.#state.proxyApi}/version`);
    const response = await fetch(`${this.#state.proxyApi}/populate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(
        edges.map((edge) => ({
          name: edge.proxy,
          listen: formatAddress(edge.listen),
          ...leadTo(this.#target, edge, this.#plan.replicas.get(edge.callee)),
          enabled: true,
        })),
      ),
      signal: this.#halt.signal,
    });
    const answer = await response.text();
    if (!response.ok)
      throw new SquallError(
        "SQUALL_FLEET_START",
        `the proxy refused the edges (${response.status}): ${answer}`,
      );
    this.#tell(`the proxy stands on ${edges.length} edges`);
  }

  async #startReceiver(): Promise<void> {
    const listen = formatAddress(this.#plan.receiver);
    const child = await this.#startOwn("receiver", "../../observe/receiver-main.ts", ["--listen", listen]);
    await this.#untilAnswered(child, `${this.#state.receiver}/stats`);
  }

  /** A process of Squall's own, from the module at this path. */
  async #startOwn(role: "proxy" | "receiver", module: string, args: readonly string[]): Promise<Child> {
    const file = fileURLToPath(new URL(module, import.meta.url));
    return this.#start({
      name: `squall-${role}`,
      role,
      command: ["node", file, ...args],
      folder: this.#folder.path,
      environment: {},
    });
  }

  async #startReplica(
    name: string,
    replica: RecordedReplica,
    login: PostgresTemplate | undefined,
  ): Promise<void> {
    const service = this.#target.services[name];
    if (service === undefined) throw new Error(`no service ${name} in the target`);
    await this.#startPart("service", replica.name, service, replica.addresses, {
      ...this.#serviceVariables(name, service, login),
      ...instanceVariables(replica.name),
    });
  }

  async #startPart(
    role: "service" | "outside",
    name: string,
    part: Part,
    addresses: Readonly<Record<string, Address>>,
    variables: Readonly<Record<string, string>>,
  ): Promise<void> {
    const child = await this.#start({
      name,
      role,
      command: part.command,
      folder: this.#target.folder,
      environment: { ...variables, ...portVariables(part, addresses), SEED: this.#options.seed },
    });
    await this.#untilAnswered(child, readyUrl(part, addresses));
    this.#tell(`${name} is ready`);
  }

  #serviceVariables(
    name: string,
    service: Service,
    login: PostgresTemplate | undefined,
  ): Record<string, string> {
    const settings = Object.entries(this.#options.settings).flatMap(([setting, value]) => {
      const env = this.#target.settings[setting]?.env;
      return env === undefined ? [] : [[env, value] as const];
    });
    return {
      ...Object.fromEntries(settings),
      ...this.#folders,
      ...callVariables(name, service, this.#plan, login ?? { user: "", password: "" }),
      OTEL_SERVICE_NAME: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: this.#state.receiver,
    };
  }

  async #start(spec: Omit<ChildSpec, "logFile">): Promise<Child> {
    this.#halt.signal.throwIfAborted();
    const child = await startChild(this.#folder, {
      ...spec,
      environment: {
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? this.#folder.compileCache,
        NODE_OPTIONS: smallYoungGeneration,
        ...spec.environment,
      },
      logFile: join(this.#options.logsFolder, `${spec.name}.jsonl`),
    });
    this.#recordProcess(child);
    return child;
  }

  async #untilAnswered(child: Child, url: string): Promise<void> {
    await untilAnswered(child, url, this.#halt.signal);
  }

  #recordProcess({ name, role, pid, startTime, start }: Child): void {
    this.#record({ processes: [...this.#state.processes, { name, role, pid, startTime, start }] });
  }

  #record(change: Partial<FleetState>): void {
    this.#state = { ...this.#state, ...change };
    writeFleetState(this.#folder, this.#state);
  }

  #tell(message: string): void {
    this.#options.onProgress?.(message);
  }
}
