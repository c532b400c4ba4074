import { telemetry } from "./telemetry.ts";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { trace } from "@opentelemetry/api";
import type * as Fastify from "fastify";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { createCallee, CallFailed, type Callee } from "./callee.ts";
import { readConfig, type Config } from "./config.ts";
import { openDatabase, type Database, type Query } from "./database.ts";
import { HttpError } from "./http-error.ts";
import { createLog } from "./log.ts";

const { fastify } = createRequire(import.meta.url)("fastify") as typeof Fastify;

/**
 * A service of the shop: what is its own. The kit adds the rest: configuration, tracing, logs, metrics, its database,
 * clients for what it calls, liveness, readiness and a graceful stop.
 */
export interface ServiceDefinition {
  readonly name: string;
  /** SQL that brings an empty or an older database up to date; safe to run again. */
  readonly migrations: string;
  /** Fills an empty database, the same way for the same seed; safe to run again. */
  readonly seed?: (query: Query, seed: string) => Promise<void>;
  /** Callees by HTTP, each with its address in `<CALLEE>_URL`. */
  readonly callees: readonly string[];
  readonly routes: (app: FastifyInstance, context: ServiceContext) => void | Promise<void>;
  /** Work beside requests, until the context's signal aborts. Started once the service is ready. */
  readonly background?: (context: ServiceContext) => void | Promise<void>;
}

export interface ServiceContext {
  readonly name: string;
  readonly config: Config;
  readonly database: Database;
  /** @throws {Error} when the service does not declare it */
  readonly callee: (name: string) => Callee;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Aborts when the service stops. */
  readonly signal: AbortSignal;
}

const stopWithinMs = 4_000;
const databaseRetryMs = 100;

/** Runs a service until SIGTERM or SIGINT. */
export async function startService(definition: ServiceDefinition): Promise<void> {
  const { name } = definition;
  const config = readConfig(process.env, definition.callees);
  const log = createLog(name, config.logLevel);
  const stopping = new AbortController();
  const callees = new Map(
    [...config.calleeUrls].map(([callee, url]) => [callee, createCallee(callee, url, config.patterns)]),
  );
  const metrics = new Registry();
  metrics.setDefaultLabels({ service: name });
  collectDefaultMetrics({ register: metrics });
  const context: ServiceContext = {
    name,
    config,
    database: openDatabase(config.databaseUrl, config.patterns, log),
    callee(wanted) {
      const callee = callees.get(wanted);
      if (!callee) throw new Error(`${name} does not declare that it calls ${wanted}`);
      return callee;
    },
    log,
    metrics,
    signal: stopping.signal,
  };

  let isReady = false;
  const app: FastifyInstance = fastify({
    loggerInstance: log,
    disableRequestLogging: true,
    routerOptions: { ignoreTrailingSlash: true },
  });
  answerErrors(app, log);
  nameSpans(app);
  measureRequests(app, metrics);
  app.get("/live", async () => ({ status: "live" }));
  app.get("/ready", async (_request, reply) =>
    isReady && !stopping.signal.aborted ? { status: "ready" } : reply.code(503).send({ status: "not ready" }),
  );
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  await definition.routes(app, context);
  await app.listen({ port: config.port, host: config.host });
  log.info({ port: config.port, patterns: config.patterns }, "listening");

  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop());
  await prepareDatabase(definition, context);
  if (stopping.signal.aborted) return;
  await definition.background?.(context);
  isReady = true;
  log.info("ready");

  async function stop(): Promise<void> {
    stopping.abort();
    const timer = setTimeout(() => {
      log.warn("not everything ended in time");
      process.exit(0);
    }, stopWithinMs);
    await app.close();
    await telemetry.shutdown();
    await Promise.all([...callees.values()].map((callee) => callee.close()));
    await context.database.close();
    clearTimeout(timer);
    process.exit(0);
  }
}

/** The database may come up after the service, or be cut off: tries until it is there, or the service stops. */
async function prepareDatabase(
  { name, migrations, seed }: ServiceDefinition,
  context: ServiceContext,
): Promise<void> {
  const lock = createHash("sha256").update(name).digest().readInt32BE(0);
  while (!context.signal.aborted) {
    try {
      await context.database.transaction(async (query) => {
        await query("select pg_advisory_xact_lock($1)", [lock]);
        await query(migrations);
        await seed?.(query, context.config.seed);
      });
      return;
    } catch (error) {
      context.log.warn({ err: error }, "the database is not ready yet");
      await new Promise((resolve) => setTimeout(resolve, databaseRetryMs));
    }
  }
}

/** Errors reach the caller as `{ error, message }`: what a caller may know, never a stack. */
function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: "not-found", message: "no such resource" }),
  );
  app.setErrorHandler((error, _request, reply) => {
    const { status, code, message } = answerOf(error);
    if (status >= 500) log.warn({ err: error, code }, "request failed");
    return reply.code(status).send({ error: code, message });
  });
}

function answerOf(error: unknown): {
  readonly status: number;
  readonly code: string;
  readonly message: string;
} {
  if (error instanceof HttpError) return error;
  if (error instanceof CallFailed) {
    const status = error.reason === "timeout" ? 504 : 503;
    return { status, code: `${error.callee}-unavailable`, message: error.message };
  }
  if (error instanceof Error && "validation" in error)
    return { status: 400, code: "invalid-request", message: error.message };
  if (
    error instanceof Error &&
    "statusCode" in error &&
    typeof error.statusCode === "number" &&
    error.statusCode < 500
  )
    return { status: error.statusCode, code: "invalid-request", message: error.message };
  return { status: 503, code: "unavailable", message: "something this request needs is not available" };
}

/** Without this every server span is called after its method alone. */
function nameSpans(app: FastifyInstance): void {
  app.addHook("onRequest", async (request) => {
    const route = request.routeOptions.url;
    const span = trace.getActiveSpan();
    if (route === undefined || !span) return;
    span.setAttribute("http.route", route);
    span.updateName(`${request.method} ${route}`);
  });
}

/** Bounds in seconds; objectives of latency must be one of them to be read off the histogram. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10];

function measureRequests(app: FastifyInstance, registry: Registry): void {
  const duration = new Histogram({
    name: "http_server_request_duration_seconds",
    help: "Duration of requests answered, in seconds.",
    labelNames: ["method", "route", "status"],
    buckets,
    registers: [registry],
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
  });
}
