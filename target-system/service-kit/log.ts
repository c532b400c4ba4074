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

/**
 * Has a crash told as a line like any other, without secrets, and ends the process as Node would, with 1: Node's own stack is
 * text of many lines, in which nothing is taken out.
 * @param log must write at once, as that on standard output does: nothing comes after it
 */
export function logCrashes(log: Pick<Logger, "fatal">): void {
  process.on("uncaughtException", (error, origin) => {
    log.fatal({ err: error, origin }, "crashed");
    process.exit(1);
  });
}
