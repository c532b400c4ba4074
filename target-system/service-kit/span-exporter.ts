import { createRequire } from "node:module";
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from "@opentelemetry/otlp-exporter-base/node-http";
import type { JsonTraceSerializer as Serializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/**
 * The exporter of `@opentelemetry/exporter-trace-otlp-http`, put together as it is there, but with the one serializer that
 * it uses: the index of the transformer brings those of metrics and logs, and the metrics SDK, which are 45 ms of
 * processor time in each service. This file is the only one that knows where the serializer is.
 */
const require = createRequire(import.meta.url);
const { JsonTraceSerializer } = require("@opentelemetry/otlp-transformer/build/src/trace/json/index.js") as {
  readonly JsonTraceSerializer: typeof Serializer;
};

/** Sends spans to `url`, OTLP in JSON. */
export function createSpanExporter(url: string): OTLPExporterBase<ReadableSpan[]> {
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(
      convertLegacyHttpOptions({ url }, "TRACES", "v1/traces", { "Content-Type": "application/json" }),
      JsonTraceSerializer,
      "otlp_http_span_exporter",
      { name: "span", countItems: (spans) => spans.length },
      undefined,
    ),
  );
}
