import { context, diag, DiagLogLevel, propagation, trace } from "@opentelemetry/api";
import type { Logger } from "pino";
import { forwardedBaggage } from "./baggage.ts";
import { withoutTraceState } from "./trace-context.ts";
import type { TracingConfig } from "./tracing-config.ts";

/**
 * Tracing, to whom tracing-config.ts says; to nobody, and the SDK is not even loaded.
 *
 *   incoming: request-span.ts   outgoing: call-span.ts   database: statement-span.ts
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

/**
 * Call it once, before the first request.
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
  ] = await Promise.all([
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/context-async-hooks"),
    import("@opentelemetry/core"),
    import("@opentelemetry/resources"),
    import("./span-exporter.ts"),
    import("./sampler.ts"),
    import("./outgoing-spans.ts"),
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
  return { shutdown: () => provider.shutdown() };
}

/** The SDK says by itself what it drops and what it cannot send, to whoever listens. */
function tellTrouble(log: Pick<Logger, "warn">): void {
  const warn = (message: string): void => log.warn({ tracing: message }, "trouble with tracing");
  const silent = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN);
}
