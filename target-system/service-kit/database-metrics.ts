import { Gauge, type Registry } from "prom-client";
import type { TellDatabase } from "./database.ts";
import { measureLatency } from "./latency.ts";

/** How long a service waits for its database, and for a connection to it. */
export function countQueries(registry: Registry): TellDatabase {
  const queried = measureLatency(registry, {
    name: "database_query_duration_seconds",
    help: "Duration of statements, in seconds: done, refused by the server, in conflict with others, or unanswered.",
    labelNames: ["outcome"],
  });
  const waited = measureLatency(registry, {
    name: "database_connection_wait_seconds",
    help: "Wait for a connection of the pool, in seconds: had, or not had in time.",
    labelNames: ["outcome"],
  });
  return ({ kind, outcome, durationMs }) => {
    if (kind === "queried") queried({ outcome }, durationMs);
    else waited({ outcome }, durationMs);
  };
}

/** The part of a pool of connections that is measured. */
export interface MeasuredPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: { readonly max: number };
}

export function measurePool(registry: Registry, pool: MeasuredPool): void {
  new Gauge({
    name: "database_pool_connections",
    help: "Connections to the database, in use and idle, and requests that wait for one.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.set({ state: "in-use" }, pool.totalCount - pool.idleCount);
      this.set({ state: "idle" }, pool.idleCount);
      this.set({ state: "waiting" }, pool.waitingCount);
    },
  });
  new Gauge({
    name: "database_pool_connections_limit",
    help: "The most connections to the database that there may be.",
    registers: [registry],
  }).set(pool.options.max);
}
