import { context, trace } from "@opentelemetry/api";
import { pino, type DestinationStream, type Logger } from "pino";
import { censorSecrets } from "./secrets.ts";

/**
 * JSON lines on standard output, each with the trace and span that it belongs to, and without secrets.
 * @param destination @default standard output
 */
export function createLog(service: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: censorSecrets },
    mixin() {
      const span = trace.getSpan(context.active())?.spanContext();
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
