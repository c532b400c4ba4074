import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import pg from "pg";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { createCallee, type Callee } from "./callee.ts";
import { readConfig, type Config } from "./config.ts";
import { countQueries, measurePool } from "./database-metrics.ts";
import { openDatabase, type Database, type Query } from "./database.ts";
import { createDrain } from "./drain.ts";
import { openIdentity } from "./identity/identity.ts";
import { createLog, logCrashes } from "./log.ts";
import { ChangedHistory, migrate, type Migration } from "./migrations.ts";
import { createFallback, noFallback, type Fallback } from "./patterns/fallback.ts";
import { createIdempotency, type Idempotency } from "./patterns/idempotency.ts";
import type { Tell } from "./patterns/pattern-event.ts";
import { measureBulkheads, tellMetrics } from "./patterns/pattern-metrics.ts";
import { tellSpans } from "./patterns/pattern-spans.ts";
import { measureRuntime } from "./runtime-metrics.ts";
import { createServer } from "./server.ts";
import { startTelemetry } from "./tracing/telemetry.ts";

/**
 * A service of the shop: what is its own. The kit adds the rest: configuration, tracing, logs, metrics, its database,
 * clients for what it calls, liveness, readiness and a graceful stop.
 *
 *   listen (live) → migrate and seed, until the database is there → background → ready ⋯
 *   SIGTERM → not ready → drain → flush → exit
 */
export interface ServiceDefinition {
  readonly name: string;
  /** Bring an empty or an older database up to date, each once, whichever replica starts first. */
  readonly migrations: readonly Migration[];
  /** Fills an empty database, the same way for the same seed; safe to run again. */
  readonly seed?: (query: Query, seed: string) => Promise<void>;
  /** Services of the shop that it calls, each with its address in `<CALLEE>_URL`. They are told who calls. */
  readonly callees: readonly string[];
  /** Parts of the outside world that it calls by HTTP, likewise. They are told nothing. @default none */
  readonly outside?: readonly string[];
  /** What a request may take at most, in milliseconds, where deadlines are on. @default what its caller says */
  readonly requestDeadlineMs?: number;
  /** Requests under way at once, where shedding is on. @default 256 */
  readonly maxInFlight?: number;
  /** The largest body of a request, in bytes; above it 413. @default 1 MiB */
  readonly maxBodyBytes?: number;
  /** How long a client may take to send its request, in milliseconds; after it 408. @default for ever */
  readonly receiveWithinMs?: number;
  /** Every route says who may call it: identity/callers.ts. */
  readonly routes: (app: FastifyInstance, context: ServiceContext) => void | Promise<void>;
  /** Starts work beside requests, which goes on until the context's signal aborts; the service is ready once it returns. */
  readonly background?: (context: ServiceContext) => void | Promise<void>;
}

export interface ServiceContext {
  readonly name: string;
  readonly config: Config;
  readonly database: Database;
  /** @throws {Error} when the service does not declare it */
  readonly callee: (name: string) => Callee;
  readonly fallback: Fallback;
  readonly idempotency: Idempotency;
  readonly log: Logger;
  readonly metrics: Registry;
  /** For what is called in another way than by `callee`. */
  readonly tell: Tell;
  /** Aborts when the service stops. */
  readonly signal: AbortSignal;
}

const stopWithinMs = 4_000;
const readyWithinMs = 1_000;
const databaseRetryMs = 100;

/**
 * Runs a service until SIGTERM or SIGINT.
 * @throws {Error} when its configuration, its identity or a route is not as it must be
 */
export async function startService(definition: ServiceDefinition): Promise<void> {
  const { name, outside = [] } = definition;
  // With a log of its own: what is wrong with the configuration is told as well.
  logCrashes(createLog(name, "fatal"));
  const config = readConfig(process.env, [...definition.callees, ...outside]);
  const log = createLog(name, config.logLevel);
  const metrics = new Registry();
  measureRuntime(metrics);
  const { patterns } = config;
  const count = tellMetrics(metrics, [...config.calleeUrls.keys()]);
  const tell: Tell = (event) => {
    count(event);
    tellSpans(event);
  };
  const database = openDatabase(config.databaseUrl, patterns, log, countQueries(metrics));
  measurePool(metrics, database.pool);
  const identity = await openIdentity(config.identityDir, name, config.identityKeySeconds);
  const callees = new Map(
    [...config.calleeUrls].map(([callee, url]) => {
      const prove = (userId?: string): Promise<string> => identity.signer.tokenFor(callee, userId);
      return [
        callee,
        createCallee(callee, url, patterns, tell, outside.includes(callee) ? undefined : prove),
      ];
    }),
  );
  measureBulkheads(metrics, callees);
  const stopping = new AbortController();
  const context: ServiceContext = {
    name,
    config,
    database,
    callee(wanted) {
      const callee = callees.get(wanted);
      if (!callee) throw new Error(`${name} does not declare that it calls ${wanted}`);
      return callee;
    },
    fallback: patterns.has("fallback") ? createFallback(tell, log) : noFallback,
    idempotency: createIdempotency(database, patterns.has("idempotency"), tell),
    log,
    metrics,
    tell,
    signal: stopping.signal,
  };

  let isPrepared = false;
  const isReady = async (): Promise<boolean> =>
    isPrepared && !stopping.signal.aborted && (await doesAnswer(database, log));
  const { requestDeadlineMs, maxInFlight, maxBodyBytes, receiveWithinMs } = definition;
  const app = createServer({
    ...{ name, log, metrics, isReady, verifier: identity.verifier, patterns, tell },
    ...{ requestDeadlineMs, maxInFlight, maxBodyBytes, receiveWithinMs },
  });
  const drain = createDrain(app);
  await definition.routes(app, context);
  const telemetry = await startTelemetry(config.tracing, log);
  await app.listen({ port: config.port, host: config.host });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop(signal));
  log.info({ port: config.port, patterns: [...patterns] }, "listening");

  void identity.keepFresh(log, stopping.signal);
  await prepareDatabase(definition, context);
  if (stopping.signal.aborted) return;
  await definition.background?.(context);
  isPrepared = true;
  log.info("ready");

  async function stop(signal: string): Promise<void> {
    log.info({ signal }, "stopping");
    stopping.abort();
    const late = setTimeout(() => {
      log.warn("not everything ended in time");
      process.exit(0);
    }, stopWithinMs);
    for (const callee of callees.values()) callee.release(); // so that those who stop as well need not wait for this one
    await drain.begin();
    // A connection that is kept alive becomes idle, and can be closed, only after its last request in flight.
    const idle = setInterval(() => app.server.closeIdleConnections(), 50);
    await app.close();
    clearInterval(idle);
    // Spans first: a connection that does not end must not cost them.
    await telemetry
      .shutdown()
      .catch((error: unknown) => log.warn({ err: error }, "not all spans could be sent"));
    await Promise.all([...callees.values()].map((callee) => callee.close()));
    await database.close();
    clearTimeout(late);
    process.exit(0);
  }
}

/** Bounded whatever the patterns are: asking whether a service is ready must not hang with its database. */
async function doesAnswer(database: Database, log: Logger): Promise<boolean> {
  const answer = database.query("select 1").then(
    () => true,
    (error: unknown) => {
      log.warn({ err: error }, "not ready");
      return false;
    },
  );
  return Promise.race([answer, sleep(readyWithinMs, false, { ref: false })]);
}

/** SQLSTATE classes that waiting does not mend: bad data, broken rules, wrong SQL. */
const hopeless = /^(22|23|42)/;

/**
 * The database may come up after the service, or be cut off: tries until it is there, or the service stops. Two
 * instances that start at once take turns, and the second finds everything done.
 * @throws {ChangedHistory}
 * @throws {DatabaseError} when the migrations or the seed are wrong
 */
async function prepareDatabase(
  { name, migrations, seed }: ServiceDefinition,
  { database, config, log, signal }: ServiceContext,
): Promise<void> {
  const lock = createHash("sha256").update(name).digest().readInt32BE(0);
  while (!signal.aborted) {
    try {
      const migrated = await database.transaction(async (query) => {
        await query("select pg_advisory_xact_lock($1)", [lock]);
        const run = await migrate(query, migrations);
        await seed?.(query, config.seed);
        return run;
      });
      if (migrated.length > 0) log.info({ migrated }, "database brought up to date");
      return;
    } catch (error) {
      if (error instanceof ChangedHistory) throw error;
      if (error instanceof pg.DatabaseError && hopeless.test(error.code ?? "")) throw error;
      log.warn({ err: error }, "the database is not ready yet");
      await sleep(databaseRetryMs);
    }
  }
}
