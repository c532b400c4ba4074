import { createRequire } from "node:module";
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from "@opentelemetry/otlp-exporter-base/node-http";
import type { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { ExporterConfig } from "./tracing-config.ts";

/** Sends spans where and in the form that is asked for; loads what that form needs, and no other. */
export async function createSpanExporter(config: ExporterConfig): Promise<SpanExporter> {
  switch (config.kind) {
    case "otlp":
      return createOtlpExporter(config);
    case "jaeger-http":
    case "jaeger-udp": {
      const { createJaegerExporter } = await import("./jaeger-exporter.ts");
      return createJaegerExporter(config);
    }
  }
}

/**
 * The exporters of `@opentelemetry/exporter-trace-otlp-proto` and `-http`, put together as they are there, but with the one
 * serializer that is used: the index of the transformer brings those of metrics and logs, and the metrics SDK, which are
 * 45 ms of processor time in each service. This file is the only one that knows where the serializers are.
 */
const require = createRequire(import.meta.url);
const forms = {
  protobuf: {
    type: "application/x-protobuf",
    serializer: () =>
      (
        require("@opentelemetry/otlp-transformer/build/src/trace/protobuf/index.js") as {
          readonly ProtobufTraceSerializer: typeof ProtobufTraceSerializer;
        }
      ).ProtobufTraceSerializer,
  },
  json: {
    type: "application/json",
    serializer: () =>
      (
        require("@opentelemetry/otlp-transformer/build/src/trace/json/index.js") as {
          readonly JsonTraceSerializer: typeof JsonTraceSerializer;
        }
      ).JsonTraceSerializer,
  },
};

function createOtlpExporter({ encoding, url }: Extract<ExporterConfig, { kind: "otlp" }>): SpanExporter {
  const { type, serializer } = forms[encoding];
  return new OTLPExporterBase<ReadableSpan[]>(
    createOtlpHttpExportDelegate(
      // Reads OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT and _COMPRESSION by itself.
      convertLegacyHttpOptions({ url }, "TRACES", "v1/traces", { "Content-Type": type }),
      serializer(),
      "otlp_http_span_exporter",
      { name: "span", countItems: (spans) => spans.length },
      undefined,
    ),
  );
}
