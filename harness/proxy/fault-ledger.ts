import { systemClock } from "../base/clock.ts";
import type { Call } from "./call-fault.ts";
import { FaultEvents } from "./fault-events.ts";

/** Why a fault ended. */
export type FaultEnd =
  "removed" | "reset" | "ttl-expired" | "lease-expired" | "lease-ended" | "proxy-changed";

/** What a fault is: a toxic, or `down` for a proxy that is disabled. */
export interface FaultDescription {
  readonly proxy: string;
  readonly name: string;
  readonly type: string;
  /** `undefined` for `down`, as are toxicity and attributes. */
  readonly stream?: "upstream" | "downstream";
  readonly toxicity?: number;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly lease: string | undefined;
}

/** Calls and connections; toxics of bytes know no calls. */
export interface Count {
  requests: number;
  connections: number;
}

/** A call that a fault has acted on. */
export interface AffectedCall {
  readonly call: Call;
  /** Which of the calls that matched, from 1. */
  readonly index: number;
  readonly connection: object;
  readonly effect: string;
  readonly sizeBytes: number;
}

/** One fault that is or was in place, and what it has really touched so far. Times are epoch milliseconds. */
export class Fault {
  readonly id: string;
  description: FaultDescription;
  readonly startedAtMs = systemClock.nowMs();
  end: { readonly atMs: number; readonly by: FaultEnd } | undefined;
  /** What it was offered: calls that match, and connections that it stands on. */
  readonly matched: Count = { requests: 0, connections: 0 };
  /** What it was to act on, by its counts and its draw. */
  readonly drawn: Count = { requests: 0, connections: 0 };
  /** What it did act on. */
  readonly affected: Count & { bytes: number } = { requests: 0, connections: 0, bytes: 0 };
  /** Connections whose calls it cannot tell apart: another protocol, or encrypted. */
  unreadableConnections = 0;
  firstAffectedAtMs: number | undefined;
  lastAffectedAtMs: number | undefined;
  /** When it ends by itself, if it does; epoch milliseconds. */
  expiresAtMs: number | undefined;
  #expiry: NodeJS.Timeout | undefined;
  readonly #events: FaultEvents;
  readonly #seen = {
    matched: new WeakSet(),
    drawn: new WeakSet(),
    affected: new WeakSet(),
    unreadable: new WeakSet(),
  };

  constructor(id: string, description: FaultDescription, events: FaultEvents) {
    this.id = id;
    this.description = description;
    this.#events = events;
  }

  /**
   * Lets it live that many milliseconds from now.
   * @param onExpired called then, unless it has ended or been given another time
   */
  expireIn(ttlMs: number, onExpired: () => void): void {
    clearTimeout(this.#expiry);
    this.expiresAtMs = systemClock.nowMs() + ttlMs;
    this.#expiry = setTimeout(onExpired, ttlMs);
  }

  /** It is over; the first cause stands. @returns whether this was the first */
  finish(by: FaultEnd): boolean {
    if (this.end) return false;
    clearTimeout(this.#expiry);
    this.end = { atMs: systemClock.nowMs(), by };
    return true;
  }

  /** It stands on a connection. */
  matchConnection(connection: object): void {
    if (this.#isFirst("matched", connection)) this.matched.connections += 1;
  }

  /** A connection is one of those it takes. */
  drawConnection(connection: object): void {
    if (this.#isFirst("drawn", connection)) this.drawn.connections += 1;
  }

  /** It had its effect on a connection, and on this many bytes. */
  affectConnection(connection: object, sizeBytes: number): void {
    if (this.#isFirst("affected", connection)) this.affected.connections += 1;
    this.affected.bytes += sizeBytes;
    this.lastAffectedAtMs = systemClock.nowMs();
    this.firstAffectedAtMs ??= this.lastAffectedAtMs;
  }

  matchCall(): void {
    this.matched.requests += 1;
  }

  drawCall(): void {
    this.drawn.requests += 1;
  }

  /** It had its effect on a call; `isFirst` when it is the first effect on that call, which is the one that is told. */
  affectCall({ call, index, connection, effect, sizeBytes }: AffectedCall, isFirst: boolean): void {
    this.affectConnection(connection, sizeBytes);
    if (!isFirst) return;
    this.affected.requests += 1;
    const { proxy, name: toxic, type } = this.description;
    this.#events.record({
      event: "call-affected",
      proxy,
      toxic,
      type,
      request: index,
      call: call.label,
      trace_id: call.traceId ?? null,
      effect,
    });
  }

  /** It cannot tell apart the calls of a connection. */
  failToRead(connection: object): void {
    if (this.#isFirst("unreadable", connection)) this.unreadableConnections += 1;
  }

  #isFirst(what: "matched" | "drawn" | "affected" | "unreadable", connection: object): boolean {
    if (this.#seen[what].has(connection)) return false;
    this.#seen[what].add(connection);
    return true;
  }
}

/** What one toxic, or several of one name and type, had their effect on. */
export interface Affected {
  readonly description: Pick<FaultDescription, "proxy" | "name" | "type">;
  readonly affected: Count & { bytes: number };
}

/** How many ended faults are kept. */
const keptEnded = 1_000;

/** Of how many names and types the sum is kept of those that are not. */
const keptSums = 10_000;

/** The record of every fault: the evidence that one was there, how long, and what it touched. */
export class FaultLedger {
  readonly events = new FaultEvents();
  readonly #faults = new Set<Fault>();
  readonly #latest = new Map<string, Fault>();
  readonly #forgotten = new Map<string, Affected>();
  #count = 0;
  #ended = 0;

  begin(description: FaultDescription): Fault {
    this.#count += 1;
    const fault = new Fault(`fault-${this.#count}`, description, this.events);
    this.#faults.add(fault);
    const { proxy, name: toxic, type } = description;
    this.#latest.set(keyOf(description), fault);
    this.events.record({ event: "fault-began", proxy, toxic, type });
    return fault;
  }

  end(fault: Fault, by: FaultEnd): void {
    if (!fault.finish(by)) return;
    const { proxy, name: toxic, type } = fault.description;
    this.events.record({ event: "fault-ended", proxy, toxic, type, by });
    this.#ended += 1;
    if (this.#ended <= keptEnded) return;
    for (const oldest of this.#faults) {
      if (!oldest.end) continue;
      this.#faults.delete(oldest);
      this.#forget(oldest);
      const key = keyOf(oldest.description);
      if (this.#latest.get(key) === oldest) this.#latest.delete(key);
      this.#ended -= 1;
      return;
    }
  }

  /** Whether the latest toxic of that name, in place or ended, has affected anything. */
  hasFired(proxy: string, toxic: string): boolean {
    return this.#latest.get(keyOf({ proxy, name: toxic }))?.firstAffectedAtMs !== undefined;
  }

  /** What faults have affected, also those that are no longer kept; several of one toxic may follow each other. */
  everyAffected(): readonly Affected[] {
    return [...this.#forgotten.values(), ...this.#faults];
  }

  #forget({ description, affected }: Fault): void {
    const { proxy, name, type } = description;
    const key = JSON.stringify([proxy, name, type]);
    const { affected: sum } = this.#forgotten.get(key) ?? {
      affected: { requests: 0, connections: 0, bytes: 0 },
    };
    sum.requests += affected.requests;
    sum.connections += affected.connections;
    sum.bytes += affected.bytes;
    this.#forgotten.delete(key); // and behind the others again: the one that was not there for longest goes first
    this.#forgotten.set(key, { description: { proxy, name, type }, affected: sum });
    for (const oldest of this.#forgotten.keys()) {
      if (this.#forgotten.size <= keptSums) return;
      this.#forgotten.delete(oldest);
    }
  }

  /** In order of their beginning; of those that ended, the last thousand. */
  get faults(): readonly Fault[] {
    return [...this.#faults];
  }
}

function keyOf({ proxy, name }: Pick<FaultDescription, "proxy" | "name">): string {
  return JSON.stringify([proxy, name]);
}
