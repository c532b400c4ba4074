import {
  LogController,
  fastify,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { CallFailed } from "./callee.ts";
import { DatabaseUnavailable, isBadInput } from "./database.ts";
import { describeRoutes } from "./description.ts";
import { expose } from "./exposition.ts";
import { HttpError } from "./http-error.ts";
import { allowCallers } from "./identity/callers.ts";
import type { TokenVerifier } from "./identity/token-verifier.ts";
import { lightSchemas } from "./light-schemas.ts";
import { honourDeadlines } from "./patterns/deadline.ts";
import { shedLoad } from "./patterns/load-shedding.ts";
import type { Tell } from "./patterns/pattern-event.ts";
import type { Patterns } from "./patterns/patterns.ts";
import { measureRequests } from "./request-metrics.ts";
import { inRequestSpan, traceRequests } from "./tracing/request-span.ts";

export interface ServerOptions {
  /** The service's. */
  readonly name: string;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Whether the service can do its work now. */
  readonly isReady: () => Promise<boolean>;
  /** Tells whom calls are from. */
  readonly verifier: TokenVerifier;
  readonly patterns: Patterns;
  readonly tell: Tell;
  /** What a request may take at most, in milliseconds, where deadlines are on. @default Infinity */
  readonly requestDeadlineMs?: number | undefined;
  /** Requests under way at once, where shedding is on. @default 256 */
  readonly maxInFlight?: number | undefined;
  /** The largest body of a request, in bytes; above it 413. @default 1 MiB */
  readonly maxBodyBytes?: number | undefined;
  /** How long a client may take to send its request, in milliseconds; after it 408. @default for ever */
  readonly receiveWithinMs?: number | undefined;
}

/** Asked by machines, and always answered. */
const ownRoutes: ReadonlySet<string> = new Set(["/live", "/ready", "/metrics"]);

/** A service's HTTP server before its own routes: health, metrics, spans named by route, errors that can be read. */
export function createServer({
  name,
  log,
  metrics,
  isReady,
  verifier,
  patterns,
  tell,
  requestDeadlineMs,
  maxInFlight,
  maxBodyBytes,
  receiveWithinMs,
}: ServerOptions): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance,
    ...(maxBodyBytes !== undefined && { bodyLimit: maxBodyBytes }),
    ...(receiveWithinMs !== undefined && {
      requestTimeout: receiveWithinMs,
      http: {
        requestTimeout: receiveWithinMs,
        // Node exchanges the two when that for the head is the longer one.
        headersTimeout: receiveWithinMs,
        // How often it looks for late ones.
        connectionsCheckingInterval: Math.min(receiveWithinMs, 5_000),
      },
    }),
    logController: new LogController({ disableRequestLogging: true }),
    ...lightSchemas,
    forceCloseConnections: "idle",
    frameworkErrors: answerUnroutable,
  });
  describeRoutes(app, name);
  answerErrors(app);
  traceRequests(app, ownRoutes);
  measureRequests(app, metrics);
  // Late before too many: a request that nobody waits for takes nobody's place.
  if (patterns.has("deadlines")) honourDeadlines(app, { longestMs: requestDeadlineMs, tell });
  if (patterns.has("shedding")) shedLoad(app, { maxInFlight, unshed: ownRoutes, tell });
  // Too many before who: what is shed costs no look at its token.
  allowCallers(app, { verifier, metrics, log });
  const open = { config: { public: true } } as const;
  app.get("/live", open, async () => ({ status: "live" }));
  app.get("/ready", open, async (_request, reply) =>
    (await isReady()) ? { status: "ready" } : reply.code(503).send({ status: "not ready" }),
  );
  app.get("/metrics", open, async (request, reply) => {
    const { contentType, text } = await expose(metrics, request.headers.accept);
    return reply.type(contentType).send(text);
  });
  return app;
}

/** Errors reach the caller as `{ error, message }`: what a caller may know, never a stack. */
function answerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: "not-found", message: "no such resource" }),
  );
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, code, message, headers = {} } = refusalOf(error);
    if (status >= 500 || isBadInput(error))
      request.log.warn({ err: error, method: request.method, route: request.routeOptions.url }, code);
    return reply.code(status).headers(headers).send({ error: code, message });
  });
}

/** What is wrong with a request before it has a route: its URL. */
function answerUnroutable(
  { statusCode = 400, message }: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  inRequestSpan(request, reply, () => {
    void reply.code(statusCode).send({ error: "invalid-request", message });
  });
}

type Refusal = Pick<HttpError, "status" | "code" | "message"> & Partial<Pick<HttpError, "headers">>;

function refusalOf(error: FastifyError): Refusal {
  if (error instanceof HttpError) return error;
  if (error instanceof CallFailed) {
    const status = error.reason === "timeout" || error.reason === "deadline-passed" ? 504 : 503;
    return { status, code: `${error.callee}-unavailable`, message: error.message };
  }
  if (error instanceof DatabaseUnavailable)
    return { status: 503, code: "database-unavailable", message: "this service's database did not answer" };
  if (isBadInput(error))
    return { status: 400, code: "invalid-request", message: "a value is of a form that cannot be stored" };
  if (error.statusCode === 413)
    return { status: 413, code: "request-too-large", message: "the body of this request is too large" };
  if (error.statusCode !== undefined && error.statusCode < 500)
    return { status: error.statusCode, code: "invalid-request", message: error.message };
  return { status: 500, code: "internal", message: "a fault of this service; its log says more" };
}
