import type { Address } from "../base/address.ts";
import type { Edge } from "../base/edge.ts";
import type { Target } from "../target/target.ts";

/**
 * A runtime brings a target up as a fleet: its services, stores and the outside world, with a proxy on every edge and a
 * receiver for their spans. What not every runtime can do is a capability of its own, never a flag here.
 *
 *   Target ─start→ Fleet ─stop→ (nothing left)
 *            attach→ Fleet that `up` left running
 */
export interface Runtime {
  readonly name: "process" | "docker";
  /**
   * Starts everything and waits until every part is ready.
   * @throws {SQUALL_FLEET_START} naming the part that did not become ready, after stopping what was started
   * @throws {SQUALL_PORT_IN_USE} when a fixed port is taken, before anything is started
   */
  start(target: Target, options: StartOptions): Promise<Fleet>;
  /** Folder in which the fleet keeps its state; absolute, may not exist yet. */
  stateFolder(target: Target): string;
  /**
   * Takes the fleet for one run: released when disposed of, and not held by an owner that died.
   * @throws {SQUALL_LOCKED} naming who holds it, for what and since when
   */
  lock(target: Target, what: string): Promise<AsyncDisposable>;
  /** The fleet that was left running for this target, if its proxy answers; else `undefined`. */
  attach(target: Target): Promise<Fleet | undefined>;
  /**
   * Ends whatever of this target's fleet still runs, also what a killed owner left behind. Idempotent.
   * @returns what was ended, one line each
   */
  cleanUp(target: Target): Promise<readonly string[]>;
}

/** A runtime that can change how many replicas a service has while its fleet is up and in use, whoever started it. */
export interface CanScale {
  /** @throws {SQUALL_NO_FLEET} */
  listReplicas(target: Target): Promise<readonly ServiceReplicas[]>;
  /**
   * Starts or stops replicas of a service until `count` of them run; the newest are stopped first. A new one is called once it
   * is ready, one that is to stop is called no more, then drained, then ended. Replicas that have died are replaced.
   * @throws {SQUALL_NO_FLEET} @throws {SQUALL_LOCKED} when another such change is under way
   * @throws {SQUALL_FLEET_START} when a new one does not become ready; the others are as before
   */
  scale(target: Target, service: string, count: number, options: ChangeOptions): Promise<ReplicaChange>;
  /**
   * Replaces every replica of a service, one at a time: the next one is ready before the old one is drained and ended.
   * @throws as {@link scale}
   */
  restart(target: Target, service: string, options: ChangeOptions): Promise<ReplicaChange>;
}

export function canScale(runtime: Runtime): runtime is Runtime & CanScale {
  return "scale" in runtime;
}

export interface ChangeOptions {
  /** Ends it between two replicas, or while one starts; one that is on its way out is still ended in order. */
  readonly signal: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

/** Names of replicas that came and went. */
export interface ReplicaChange {
  readonly before: number;
  readonly after: number;
  readonly started: readonly string[];
  readonly stopped: readonly string[];
}

export interface ServiceReplicas {
  readonly service: string;
  readonly replicas: readonly (Replica & {
    /** `down`: its process lives and a proxy sends it nothing; `dead`: there is no process. */
    readonly state: "up" | "down" | "dead";
    /** That callers have open to it. */
    readonly connections: number;
  })[];
}

export interface StartOptions {
  /** Value of each of the target's settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** How many replicas a service has, by its name. @default one */
  readonly replicas?: Readonly<Record<string, number>>;
  readonly seed: string;
  /** Folder for one log file a part: `<part>.jsonl`. */
  readonly logsFolder: string;
  /** Whether it shall outlive whoever starts it, for `attach` to find. One that shall not is ended by the next start. */
  readonly isKept: boolean;
  readonly signal: AbortSignal;
  /** Told as parts become ready. */
  readonly onProgress?: (message: string) => void;
}

/** One process of a service. */
export interface Replica {
  /** "catalog", "catalog-2": also of its log file and its metrics. */
  readonly name: string;
  readonly pid: number;
  /** By port name. */
  readonly addresses: Readonly<Record<string, Address>>;
}

/** A fleet that is up. Its replicas and processes are those of the moment: others may scale it. */
export interface Fleet extends AsyncDisposable {
  readonly target: Target;
  readonly settings: Readonly<Record<string, string>>;
  /** Base URL of the proxy's API: "http://127.0.0.1:8474". */
  readonly proxyApi: string;
  /** Base URL for clients, through the proxy of `client -> <entry>`. */
  readonly entry: string;
  /** Base URL of the span receiver's control API. */
  readonly receiver: string;
  /** How spans come from there: it writes to our disk, or hands over what it has. */
  readonly spanDelivery: "file" | "queue";
  readonly edges: readonly FleetEdge[];
  /** Every process of every service, by service, the oldest first. */
  readonly replicas: ReadonlyMap<string, readonly Replica[]>;
  /**
   * Where each service and each part of the outside world really listens, by name and port name: past the proxies. Of a
   * service with several replicas, the oldest; each replica goes by its own name too.
   */
  readonly addresses: ReadonlyMap<string, Readonly<Record<string, Address>>>;
  /** Connection URL of each store, past the proxies. */
  readonly stores: ReadonlyMap<string, string>;
  /**
   * Has what each process logs from now on in this folder, `<process>.jsonl` or `.log`, until it is settled or disposed of;
   * what other folders it is in as well does not matter.
   */
  keepLogs(folder: string): Promise<KeptLogs>;
  /**
   * Tells of each process that ends from now on, whoever ended it, until it is disposed of. Absent where nobody tells the
   * runtime.
   */
  watchEnds?(onEnd: (end: ProcessEnd) => void): Promise<Disposable>;
  /** Processes of the fleet, for evidence and memory figures. */
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
  /** Stops everything: gracefully, then by force. Safe to call twice. */
  stop(): Promise<void>;
}

export interface KeptLogs extends AsyncDisposable {
  /** Resolves when all that was logged up to now is there. @returns what is missing, in words; nothing when nothing is */
  settle(): Promise<readonly string[]>;
}

/** A process of a fleet that has ended. */
export interface ProcessEnd {
  /** As in `processes`. */
  readonly name: string;
  /** The part that it is a process of; the proxy and the receiver are parts too. */
  readonly part: string;
  readonly atMs: number;
  /** Whose doing it was: its own, the kernel's for want of memory, or somebody's who ended it from outside. */
  readonly by: "itself" | "memory" | "somebody";
  /** "exit code 1". */
  readonly detail: string;
}

export interface FleetEdge extends Edge {
  /** The proxy's name on the proxy's API: "order->payment" (no spaces). */
  readonly proxy: string;
  readonly listen: Address;
  /** Of a service with several replicas, the oldest. */
  readonly upstream: Address;
}
