import { createRequire } from "node:module";
import { context, diag, DiagLogLevel, propagation, trace } from "@opentelemetry/api";
import pg from "pg";
import type { Logger } from "pino";
import { forwardedBaggage } from "./baggage.ts";
import { querySummary } from "./query-summary.ts";
import { withoutTraceState } from "./trace-context.ts";
import { urlAttributes } from "./traced-url.ts";
import type { TracingConfig } from "./tracing-config.ts";

/**
 * Tracing, to whom tracing-config.ts says; to nobody, and the SDK is not even loaded.
 *
 *   incoming: instrumentation-http   outgoing: call-span.ts   database: instrumentation-pg
 *       └──────────────── spans ─▶ OutgoingSpans ─▶ a batch for each exporter ─▶ OTLP | Jaeger
 *
 * The SDK's parts are put together here, not by `NodeSDK` of `@opentelemetry/sdk-node`: that loads every exporter, gRPC,
 * metrics and logs, which are a third of a service's memory and of its start and of which nothing is used.
 */
export interface Telemetry {
  /** Sends what is left; call it after the last span has ended. @throws {Error} when not all could be sent */
  shutdown(): Promise<void>;
}

const exportEveryMs = 500;
/** Spans kept while the receiver does not answer: some seconds of the heaviest load. */
const queuedSpans = 16_384;
const quietPaths = new Set(["/live", "/ready", "/metrics"]);

/**
 * Call it once, before the first request, and after what a service consists of has been imported: an import that comes
 * after is slower, because each of its modules goes through the instrumentations' hook.
 * @param log told of spans that were dropped or could not be sent
 */
export async function startTelemetry(
  { exporters, sampler }: TracingConfig,
  log: Pick<Logger, "warn">,
): Promise<Telemetry> {
  if (exporters.length === 0) return { shutdown: async () => undefined };
  const [
    { BatchSpanProcessor, TracerProvider },
    { AsyncLocalStorageContextManager },
    { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator },
    { detectResources, envDetector, resourceFromAttributes },
    { createSpanExporter },
    { createSampler },
    { OutgoingSpans },
    { registerInstrumentations },
    { HttpInstrumentation },
    { PgInstrumentation },
  ] = await Promise.all([
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/context-async-hooks"),
    import("@opentelemetry/core"),
    import("@opentelemetry/resources"),
    import("./span-exporter.ts"),
    import("./sampler.ts"),
    import("./outgoing-spans.ts"),
    import("@opentelemetry/instrumentation"),
    import("@opentelemetry/instrumentation-http"),
    import("@opentelemetry/instrumentation-pg"),
  ]);

  tellTrouble(log);
  const batches = await Promise.all(
    exporters.map(
      async (exporter) =>
        new BatchSpanProcessor({
          exporter: await createSpanExporter(exporter),
          scheduledDelayMillis: exportEveryMs,
          maxQueueSize: queuedSpans,
          maxExportBatchSize: 2_048,
        }),
    ),
  );
  const provider = new TracerProvider({
    // OTEL_SERVICE_NAME, and in OTEL_RESOURCE_ATTRIBUTES which replica this is.
    resource: resourceFromAttributes({ "service.name": "unnamed" }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    sampler: createSampler(sampler),
    spanProcessors: [new OutgoingSpans(batches)],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [
        withoutTraceState(new W3CTraceContextPropagator()),
        forwardedBaggage(new W3CBaggagePropagator()),
      ],
    }),
  );
  const database = new PgInstrumentation({
    // Without a parent (migrations, sweeps that find nothing) there is no story to tell.
    requireParentSpan: true,
    requestHook(span, { query }) {
      const summary = querySummary(query.text);
      span.setAttribute("db.query.summary", summary);
      span.updateName(summary);
    },
  });
  registerInstrumentations({
    instrumentations: [
      new HttpInstrumentation({
        // Outgoing calls are undici's, and made by callee.ts.
        disableOutgoingRequestInstrumentation: true,
        ignoreIncomingRequestHook: ({ url }) => quietPaths.has(url ?? ""),
        // Whoever the customer is, it is not for a trace to tell from where they come.
        startIncomingSpanHook: ({ url = "/" }) => ({ ...urlAttributes(url), "client.address": undefined }),
      }),
      database,
    ],
  });
  // Instrumentations hook `require`, and what they patch are prototypes: one `require` here serves every importer, whatever
  // was imported first. The driver is given to its own by hand: no hook sees what comes from a bundle.
  createRequire(import.meta.url)("node:http");
  // Its pool is left as it is: pool-wait.ts.
  for (const { name, patch } of database.getModuleDefinitions()) if (name === "pg") patch?.(pg);
  return { shutdown: () => provider.shutdown() };
}

/** The SDK says by itself what it drops and what it cannot send, to whoever listens. */
function tellTrouble(log: Pick<Logger, "warn">): void {
  const warn = (message: string): void => log.warn({ tracing: message }, "trouble with tracing");
  const silent = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN);
}
