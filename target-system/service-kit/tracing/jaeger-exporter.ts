import { ExportResultCode } from "@opentelemetry/core";
import { JaegerExporter } from "@opentelemetry/exporter-jaeger";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { ExporterConfig } from "./tracing-config.ts";

type JaegerConfig = Extract<ExporterConfig, { kind: "jaeger-http" | "jaeger-udp" }>;
type ExportResult = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

/** A collector that does not answer holds up the next batch no longer. */
const mostMs = 5_000;

/**
 * Sends spans as Jaeger's own Thrift. Its exporter keeps one buffer for all batches and, shut down, closes its connections
 * under a batch that is still on its way; and to a collector that never answers it waits for ever. So it is given one batch
 * at a time, with an end, and is shut down after the last.
 */
export function createJaegerExporter(config: JaegerConfig): SpanExporter {
  const jaeger = new JaegerExporter(
    config.kind === "jaeger-http" ? { endpoint: config.url } : { host: config.host, port: config.port },
  );
  let last: Promise<void> = Promise.resolve();
  return {
    export(spans, done) {
      last = last.then(async () => done(await exported(jaeger, spans)));
    },
    forceFlush: () => last,
    async shutdown() {
      await last;
      await jaeger.shutdown();
    },
  };
}

function exported(jaeger: JaegerExporter, spans: ReadableSpan[]): Promise<ExportResult> {
  return new Promise((resolve) => {
    const late = setTimeout(
      () => resolve({ code: ExportResultCode.FAILED, error: new Error("Jaeger did not answer in time") }),
      mostMs,
    );
    jaeger.export(spans, (result) => {
      clearTimeout(late);
      resolve(result);
    });
  });
}
