/**
 * Tracing, by OTLP over HTTP, when OTEL_EXPORTER_OTLP_ENDPOINT says where to; otherwise nothing is even loaded. It must
 * be imported before whatever it instruments, and those are loaded by `require` (see database.ts), which is what the
 * instrumentations hook.
 */
export interface Telemetry {
  /** Sends what is left; call it after the last span has ended. */
  shutdown(): Promise<void>;
}

const exportEveryMs = 500;
const quietPaths = new Set(["/live", "/ready", "/metrics"]);

export const telemetry: Telemetry = await startTelemetry();

async function startTelemetry(): Promise<Telemetry> {
  const endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (endpoint === undefined || endpoint === "") return { shutdown: async () => undefined };
  const [
    sdkNode,
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
  const { NodeSDK, core, resources, tracing } = sdkNode;
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({
      "service.name": process.env["OTEL_SERVICE_NAME"] ?? "unnamed",
    }),
    autoDetectResources: false,
    textMapPropagator: new core.CompositePropagator({
      propagators: [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()],
    }),
    spanProcessors: [
      new tracing.BatchSpanProcessor(
        new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, "")}/v1/traces` }),
        {
          scheduledDelayMillis: exportEveryMs,
          maxQueueSize: 16_384,
          maxExportBatchSize: 2_048,
        },
      ),
    ],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new HttpInstrumentation({
        // Outgoing calls are undici's.
        disableOutgoingRequestInstrumentation: true,
        ignoreIncomingRequestHook: ({ url }) => quietPaths.has(url ?? ""),
      }),
      new UndiciInstrumentation({ requireParentforSpans: true }),
      new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true }),
    ],
  });
  sdk.start();
  return { shutdown: () => sdk.shutdown() };
}
