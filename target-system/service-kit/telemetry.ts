import { createRequire } from "node:module";
import { context, propagation, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import pg from "pg";
import { forwardedBaggage } from "./baggage.ts";
import { deadlineHeader } from "./patterns/deadline.ts";

/**
 * Tracing, by OTLP over HTTP, when OTEL_EXPORTER_OTLP_ENDPOINT says where to; otherwise the SDK is not even loaded.
 *
 *   incoming: instrumentation-http   outgoing: instrumentation-undici   database: instrumentation-pg
 *
 * The SDK's parts are put together here, not by `NodeSDK` of `@opentelemetry/sdk-node`: that loads every exporter, gRPC,
 * metrics and logs, which are a third of a service's memory and of its start and of which nothing is used.
 */
export interface Telemetry {
  /** Sends what is left; call it after the last span has ended. */
  shutdown(): Promise<void>;
}

const exportEveryMs = 500;
/** Spans kept while the receiver does not answer: some seconds of the heaviest load. */
const queuedSpans = 16_384;
const quietPaths = new Set(["/live", "/ready", "/metrics"]);
/** A pool that had a free connection at hand has nothing to tell; one that had none waits longer than this. */
const pooledWithinSeconds = 0.001;

/**
 * Call it once, before the first request, and after what a service consists of has been imported: an import that comes
 * after is slower, because each of its modules goes through the instrumentations' hook.
 */
export async function startTelemetry(): Promise<Telemetry> {
  const endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (endpoint === undefined || endpoint === "") return { shutdown: async () => undefined };
  const [
    { BatchSpanProcessor, TracerProvider },
    { AsyncLocalStorageContextManager },
    { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator },
    { detectResources, envDetector, resourceFromAttributes },
    { createSpanExporter },
    { registerInstrumentations },
    { HttpInstrumentation },
    { UndiciInstrumentation },
    { PgInstrumentation },
  ] = await Promise.all([
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/context-async-hooks"),
    import("@opentelemetry/core"),
    import("@opentelemetry/resources"),
    import("./span-exporter.ts"),
    import("@opentelemetry/instrumentation"),
    import("@opentelemetry/instrumentation-http"),
    import("@opentelemetry/instrumentation-undici"),
    import("@opentelemetry/instrumentation-pg"),
  ]);

  class TellingSpans extends BatchSpanProcessor {
    override onEnd(span: ReadableSpan): void {
      const [seconds, nanoseconds] = span.duration;
      const wasAtHand =
        seconds + nanoseconds / 1e9 < pooledWithinSeconds && span.status.code !== SpanStatusCode.ERROR;
      if (!(wasAtHand && span.name === "pg-pool.connect")) super.onEnd(span);
    }
  }

  const spans = new TellingSpans({
    exporter: createSpanExporter(`${endpoint.replace(/\/$/, "")}/v1/traces`),
    scheduledDelayMillis: exportEveryMs,
    maxQueueSize: queuedSpans,
    maxExportBatchSize: 2_048,
  });
  const provider = new TracerProvider({
    // OTEL_SERVICE_NAME, and in OTEL_RESOURCE_ATTRIBUTES which replica this is.
    resource: resourceFromAttributes({ "service.name": "unnamed" }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [spans],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), forwardedBaggage(new W3CBaggagePropagator())],
    }),
  );
  const database = new PgInstrumentation({ requireParentSpan: true });
  registerInstrumentations({
    instrumentations: [
      new HttpInstrumentation({
        // Outgoing calls are undici's.
        disableOutgoingRequestInstrumentation: true,
        ignoreIncomingRequestHook: ({ url }) => quietPaths.has(url ?? ""),
      }),
      // Without a parent (migrations, sweeps that find nothing) there is no story to tell.
      new UndiciInstrumentation({
        requireParentforSpans: true,
        headersToSpanAttributes: { requestHeaders: [deadlineHeader] },
      }),
      database,
    ],
  });
  // Instrumentations hook `require`, and what they patch are prototypes: one `require` here serves every importer, whatever
  // was imported first. The driver is given to its own by hand: no hook sees what comes from a bundle.
  createRequire(import.meta.url)("node:http");
  for (const { name, patch } of database.getModuleDefinitions())
    patch?.(name === "pg" ? pg : Object.getPrototypeOf(pg.Pool)); // of which pg's own is made
  return { shutdown: () => provider.shutdown() };
}
