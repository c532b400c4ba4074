import { createRequire } from "node:module";
import { SpanStatusCode } from "@opentelemetry/api";
import { forwardedBaggage } from "./baggage.ts";
import { deadlineHeader } from "./patterns/deadline.ts";

/**
 * Tracing, by OTLP over HTTP, when OTEL_EXPORTER_OTLP_ENDPOINT says where to; otherwise the SDK is not even loaded.
 *
 *   incoming: instrumentation-http   outgoing: instrumentation-undici   database: instrumentation-pg
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

export const telemetry: Telemetry = await startTelemetry();

async function startTelemetry(): Promise<Telemetry> {
  const endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (endpoint === undefined || endpoint === "") return { shutdown: async () => undefined };
  const [
    { NodeSDK, core, resources, tracing },
    { OTLPTraceExporter },
    { HttpInstrumentation },
    { UndiciInstrumentation },
    { PgInstrumentation },
  ] = await Promise.all([
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/instrumentation-http"),
    import("@opentelemetry/instrumentation-undici"),
    import("@opentelemetry/instrumentation-pg"),
  ]);

  class TellingSpans extends tracing.BatchSpanProcessor {
    override onEnd(span: Parameters<InstanceType<typeof tracing.BatchSpanProcessor>["onEnd"]>[0]): void {
      const [seconds, nanoseconds] = span.duration;
      const wasAtHand =
        seconds + nanoseconds / 1e9 < pooledWithinSeconds && span.status.code !== SpanStatusCode.ERROR;
      if (!(wasAtHand && span.name === "pg-pool.connect")) super.onEnd(span);
    }
  }

  const sdk = new NodeSDK({
    // OTEL_SERVICE_NAME, and in OTEL_RESOURCE_ATTRIBUTES which replica this is.
    resource: resources
      .resourceFromAttributes({ "service.name": "unnamed" })
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    autoDetectResources: false,
    textMapPropagator: new core.CompositePropagator({
      propagators: [new core.W3CTraceContextPropagator(), forwardedBaggage(new core.W3CBaggagePropagator())],
    }),
    spanProcessors: [
      new TellingSpans(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, "")}/v1/traces` }), {
        scheduledDelayMillis: exportEveryMs,
        maxQueueSize: queuedSpans,
        maxExportBatchSize: 2_048,
      }),
    ],
    metricReaders: [],
    logRecordProcessors: [],
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
      new PgInstrumentation({ requireParentSpan: true }),
    ],
  });
  sdk.start();
  // The instrumentations hook `require`, and what they patch are prototypes: one `require` here serves every importer,
  // whatever was imported first.
  const require = createRequire(import.meta.url);
  for (const instrumented of ["node:http", "pg", "pg-pool"]) require(instrumented);
  return { shutdown: () => sdk.shutdown() };
}
