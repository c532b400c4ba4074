import { lookup } from "node:dns/promises";
import { createServer, type Server, type Socket } from "node:net";
import { formatAddress, type Address } from "../base/address.ts";
import { messageOf } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { ApiError } from "./api-error.ts";
import type { CallFaultKind } from "./call-fault.ts";
import { CallSelection } from "./call-selection.ts";
import { Connection } from "./connection.ts";
import type { Fault, FaultEnd, FaultLedger } from "./fault-ledger.ts";
import { HealthChecks, type HealthSpec } from "./health-checks.ts";
import { isCallToxic, type AnyToxicKind, type Stream, type Toxic } from "./toxic.ts";
import type { Attributes } from "./toxics/toxic-kind.ts";
import { Upstreams } from "./upstreams.ts";

export interface ProxyOptions {
  readonly name: string;
  readonly listen: Address;
  /** One at least, each once. */
  readonly upstreams: readonly Address[];
  /** Shared with other proxies, so that an upstream of several is asked once. @default its own */
  readonly checks?: HealthChecks;
  readonly ledger: FaultLedger;
  readonly random: Random;
}

export interface ToxicOptions {
  readonly name: string;
  readonly type: string;
  readonly kind: AnyToxicKind;
  readonly stream: Stream;
  readonly toxicity: number;
  readonly attributes: Attributes;
  readonly lease: string | undefined;
  /** Ends by itself after that many milliseconds. */
  readonly ttlMs: number | undefined;
}

/** What ends a fault by itself; without either it lives until it is removed. */
export type FaultLife = Pick<ToxicOptions, "lease" | "ttlMs">;

/** How soon a proxy whose fault has ended tries again to get its port back, in milliseconds. */
const restoreEveryMs = 100;

/**
 * One listener, its upstreams, the connections between them and the faults on them.
 *
 *   enabled ──disable──▶ down (listener closed, connections cut) ──enable──▶ enabled, on the same port
 *
 * Everything that ends a fault is synchronous but for getting the port back; nothing waits for a peer.
 */
export class Proxy {
  readonly name: string;
  readonly carriedBytes: Record<Stream, number> = { upstream: 0, downstream: 0 };
  acceptedConnections = 0;
  readonly #closedReceivedBytes: Record<Stream, number> = { upstream: 0, downstream: 0 };
  /** Connections that were accepted and closed before their upstream answered. */
  upstreamFailures = 0;
  readonly #ledger: FaultLedger;
  readonly #random: Random;
  readonly #connections = new Set<Connection>();
  readonly upstreams: Upstreams;
  #listen: Address;
  #server: Server | undefined;
  #toxics: readonly Toxic[] = [];
  #down: Fault | undefined;
  #restoring: NodeJS.Timeout | undefined;
  #isRemoved = false;
  /** Counts decisions to be up or down: a try to come back is given up when there is a later one. */
  #decision = 0;

  constructor({ name, listen, upstreams, checks = new HealthChecks(), ledger, random }: ProxyOptions) {
    this.name = name;
    this.#listen = listen;
    this.upstreams = new Upstreams(upstreams, checks);
    this.#ledger = ledger;
    this.#random = random;
  }

  /** Where it listens, or will again; with port 0 replaced once it has been enabled. */
  get listen(): Address {
    return this.#listen;
  }

  /** The first of them. */
  get upstream(): Address {
    return this.upstreams.first;
  }

  get isEnabled(): boolean {
    return this.#server !== undefined;
  }

  /** The fault `down`, while it is in place. */
  get down(): Fault | undefined {
    return this.#down;
  }

  /** Bytes read from the client (upstream) and from the upstream (downstream). */
  get receivedBytes(): Readonly<Record<Stream, number>> {
    const { upstream, downstream } = this.#closedReceivedBytes;
    const sum = { upstream, downstream };
    for (const { receivedBytes } of this.#connections) {
      sum.upstream += receivedBytes.upstream;
      sum.downstream += receivedBytes.downstream;
    }
    return sum;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** In order of creation. */
  get toxics(): readonly Toxic[] {
    return this.#toxics;
  }

  /**
   * Opens the listener; a proxy that has one is left alone.
   * @param endedBy what ends the `down` fault, if there is one
   * @throws {ApiError} 500 when the address cannot be had
   */
  async enable(endedBy: FaultEnd): Promise<void> {
    this.#decide();
    await this.#comeUp(endedBy);
  }

  /**
   * Enables the proxy because its fault has ended; when its port cannot be had just now, goes on trying.
   * @throws {ApiError} 500 when the first try failed
   */
  async restore(endedBy: FaultEnd): Promise<void> {
    const decision = this.#decide();
    try {
      await this.#comeUp(endedBy);
    } catch (error) {
      if (decision === this.#decision && !this.#isRemoved)
        this.#restoring = setTimeout(() => {
          this.restore(endedBy).catch(() => undefined); // tried again, and seen in the evidence until it works
        }, restoreEveryMs);
      throw error;
    }
  }

  /**
   * Closes the listener and cuts every connection: the fault `down`. A proxy that is down stays so; a time to live counts
   * from now on. One that was made without a listener has no fault until it is given something that ends one.
   * @throws {ApiError} 409 when it is down already, but not under this lease; 404 when it has been removed
   */
  disable({ lease, ttlMs }: FaultLife): void {
    this.#requirePresent();
    if (this.#down && lease !== undefined && lease !== this.#down.description.lease)
      throw new ApiError(409, "proxy already disabled, not under this lease");
    this.#decide();
    if (!this.#down && (this.#server || lease !== undefined || ttlMs !== undefined)) {
      this.#down = this.#ledger.begin({ proxy: this.name, name: "down", type: "down", lease });
      for (const connection of this.#connections) this.#down.affectConnection(connection, 0);
    }
    if (ttlMs !== undefined)
      this.#down?.expireIn(ttlMs, () => {
        this.restore("ttl-expired").catch((error: unknown) => {
          process.emitWarning(`proxy ${this.name}: ${messageOf(error)}; still trying`);
        });
      });
    this.#close();
  }

  /**
   * Listens or connects elsewhere from now on; connections are cut.
   * @throws {ApiError} 500 when the new address cannot be had: the proxy is then without a listener
   */
  async move(listen: Address, upstreams: readonly Address[]): Promise<void> {
    const wasEnabled = this.isEnabled;
    this.#close();
    this.#listen = listen;
    this.upstreams.set(upstreams);
    if (wasEnabled) await this.#open();
  }

  /**
   * Connects to these from now on. Connections to one that stays are left alone, and so are those to one that goes, to end
   * by themselves.
   */
  lead(upstreams: readonly Address[]): void {
    this.#requirePresent();
    this.upstreams.set(upstreams);
  }

  /** Cuts the connections to upstreams that it leads to no more. */
  cutDraining(): void {
    const { draining } = this.upstreams;
    for (const connection of this.#connections)
      if (draining.some((upstream) => upstream === connection.upstream)) connection.cut();
  }

  /** @param spec how upstreams are asked whether they are well; `undefined`: not at all */
  check(spec: HealthSpec | undefined): void {
    this.#requirePresent();
    this.upstreams.check(spec);
  }

  /** @throws {ApiError} 409 when there is a toxic of that name */
  addToxic({ name, type, kind, stream, toxicity, attributes, lease, ttlMs }: ToxicOptions): Toxic {
    if (this.toxic(name)) throw new ApiError(409, "toxic already exists");
    const fault = this.#ledger.begin({ proxy: this.name, name, type, stream, toxicity, attributes, lease });
    const plain = { name, type, stream, toxicity, attributes, lease, fault };
    const toxic: Toxic =
      kind.protocol === undefined
        ? { ...plain, kind }
        : { ...plain, kind, selection: this.#select(kind, name, attributes, fault) };
    this.#toxics = [...this.#toxics, toxic];
    if (ttlMs !== undefined) this.expireToxic(toxic, ttlMs);
    this.#applyToxics();
    return toxic;
  }

  /** Lets a toxic live that many milliseconds from now. */
  expireToxic(toxic: Toxic, ttlMs: number): void {
    toxic.fault.expireIn(ttlMs, () => this.removeToxics([toxic], "ttl-expired"));
  }

  updateToxic(toxic: Toxic, toxicity: number, attributes: Attributes): void {
    Object.assign(toxic, { toxicity, attributes });
    if (isCallToxic(toxic)) toxic.selection = this.#select(toxic.kind, toxic.name, attributes, toxic.fault);
    toxic.fault.description = { ...toxic.fault.description, toxicity, attributes };
    for (const connection of this.#connections) connection.update(toxic);
    this.#applyToxics();
  }

  toxic(name: string): Toxic | undefined {
    return this.#toxics.find((toxic) => toxic.name === name);
  }

  removeToxics(toxics: readonly Toxic[], endedBy: FaultEnd): void {
    this.#toxics = this.#toxics.filter((toxic) => !toxics.includes(toxic));
    this.#applyToxics();
    for (const { fault } of toxics) this.#ledger.end(fault, endedBy);
  }

  /** Ends every fault that lives under a lease. @throws {ApiError} 500 when the port is not to be had just now */
  async endLease(lease: string, endedBy: FaultEnd): Promise<void> {
    this.removeToxics(
      this.#toxics.filter((toxic) => toxic.lease === lease),
      endedBy,
    );
    if (this.#down?.description.lease === lease) await this.restore(endedBy);
  }

  /** Ends every fault. @throws {ApiError} 500 when the port is not to be had just now */
  async reset(): Promise<void> {
    this.removeToxics(this.#toxics, "reset");
    await this.restore("reset");
  }

  /** Ends the proxy: its listener, its connections, its faults. */
  remove(): void {
    this.#isRemoved = true;
    this.#decide();
    this.#close();
    this.upstreams[Symbol.dispose]();
    this.removeToxics(this.#toxics, "proxy-changed");
    if (this.#down) this.#ledger.end(this.#down, "proxy-changed");
    this.#down = undefined;
  }

  #select(kind: CallFaultKind, name: string, attributes: Attributes, fault: Fault): CallSelection {
    return new CallSelection({
      kind,
      attributes,
      fault,
      random: this.#random.fork(name),
      hasFired: (toxic) => {
        const slash = toxic.lastIndexOf("/");
        return slash < 0
          ? this.#ledger.hasFired(this.name, toxic)
          : this.#ledger.hasFired(toxic.slice(0, slash), toxic.slice(slash + 1));
      },
    });
  }

  /** A request may still be about it that came before it was removed. @throws {ApiError} 404 */
  #requirePresent(): void {
    if (this.#isRemoved) throw new ApiError(404, "proxy not found");
  }

  #decide(): number {
    clearTimeout(this.#restoring);
    return (this.#decision += 1);
  }

  async #comeUp(endedBy: FaultEnd): Promise<void> {
    if (!this.#server) await this.#open();
    if (!this.#down) return;
    this.#ledger.end(this.#down, endedBy);
    this.#down = undefined;
  }

  #applyToxics(): void {
    for (const connection of this.#connections) connection.apply();
  }

  async #open(): Promise<void> {
    this.#requirePresent();
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) =>
      this.#accept(client),
    );
    this.#server = server;
    try {
      const { host, port } = await resolveAddress(this.#listen);
      if (this.#server !== server) throw new Error("the proxy was disabled meanwhile");
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.once("close", () => reject(new Error("the proxy was disabled meanwhile")));
        server.listen({ host, port }, resolve);
      });
      server.on("error", (error) => process.emitWarning(`proxy ${this.name}: ${error.message}`)); // a failed accept
      const bound = server.address();
      if (bound !== null && typeof bound === "object")
        this.#listen = { host: bound.address, port: bound.port };
    } catch (error) {
      if (this.#server === server) this.#server = undefined;
      throw new ApiError(500, `listen tcp ${formatAddress(this.#listen)}: ${messageOf(error)}`);
    }
  }

  #close(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const connection of this.#connections) connection.cut();
  }

  #accept(client: Socket): void {
    this.acceptedConnections += 1;
    const connection = new Connection({
      client,
      upstreams: this.upstreams.next(),
      random: this.#random.fork(String(this.acceptedConnections)),
      toxics: () => this.#toxics,
      onCarried: (stream, sizeBytes) => (this.carriedBytes[stream] += sizeBytes),
      onClosed: (hadUpstream) => {
        this.#connections.delete(connection);
        for (const stream of ["upstream", "downstream"] as const)
          this.#closedReceivedBytes[stream] += connection.receivedBytes[stream];
        if (!hadUpstream) this.upstreamFailures += 1;
      },
    });
    this.#connections.add(connection);
  }
}

/** An address as the listener will report it: a name becomes its IPv4 address if it has one. */
export async function resolveAddress({ host, port }: Address): Promise<Address> {
  return { host: (await lookup(host, { order: "ipv4first" })).address, port };
}
