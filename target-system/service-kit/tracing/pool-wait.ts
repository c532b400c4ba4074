import { SpanKind, SpanStatusCode, trace, type Attributes } from "@opentelemetry/api";

/**
 * A request's wait for a connection of its database's pool, where there is something to tell: it took a while, or ended in
 * none. The instrumentation of the pool makes a span of every wait, also of the many that are over at once, which costs as
 * much as that of a statement.
 */
const tellingMs = 1;

/** Which database a pool leads to, as its spans say it. */
export function poolAttributes(databaseUrl: string): Attributes {
  const { hostname, port, pathname } = new URL(databaseUrl);
  return {
    "db.system.name": "postgresql",
    "db.namespace": pathname.slice(1),
    "server.address": hostname,
    "server.port": Number(port || 5_432),
  };
}

/**
 * Call it when a wait is over.
 * @param beganMs on the clock of performance.now()
 * @param error why there was no connection
 */
export function traceWait(attributes: Attributes, beganMs: number, error?: unknown): void {
  const endMs = performance.now();
  if (error === undefined && endMs - beganMs < tellingMs) return;
  if (trace.getActiveSpan() === undefined) return;
  const span = trace
    .getTracer("service-kit")
    .startSpan("pg-pool.connect", { kind: SpanKind.CLIENT, startTime: beganMs, attributes });
  if (error !== undefined)
    span.setStatus({
      code: SpanStatusCode.ERROR,
      message: error instanceof Error ? error.message : "no connection",
    });
  span.end(endMs);
}
