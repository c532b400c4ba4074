import { context, SpanKind, SpanStatusCode, trace, type Attributes } from "@opentelemetry/api";
import { querySummary } from "./query-summary.ts";

/**
 * The span of a statement that a database is asked to run, made where it is sent (database.ts) and not by an instrumentation
 * of the driver. Names and attributes: opentelemetry.io/docs/specs/semconv/database/postgresql. Its values are not told.
 */
export interface StatementSpan {
  ended(): void;
  failed(error: unknown): void;
}

/**
 * Begins one where there is a request at work: of migrations, and of sweeps that find nothing, there is no story to tell.
 * @param place which database it is of, as spans say it
 */
export function beginStatement(place: Attributes, text: string): StatementSpan {
  const here = context.active();
  if (trace.getSpan(here) === undefined) return untold;
  const summary = querySummary(text);
  const span = trace.getTracer("service-kit").startSpan(summary, { kind: SpanKind.CLIENT }, here);
  if (!span.isRecording()) return untold;
  // Not given to `startSpan`, which looks through them twice more.
  span.setAttributes(place);
  span.setAttribute("db.query.summary", summary);
  span.setAttribute("db.query.text", text);
  return {
    ended: () => span.end(),
    failed(error) {
      const { name, code, message } = told(error);
      span.setAttribute("error.type", code ?? name);
      if (code !== undefined && sqlState.test(code)) span.setAttribute("db.response.status_code", code);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      span.end();
    },
  };
}

const nothing = (): void => undefined;
const untold: StatementSpan = { ended: nothing, failed: nothing };

/** As a server says why: "23505". Others are the system's: "ECONNRESET". */
const sqlState = /^[0-9A-Z]{5}$/;

function told(error: unknown): { readonly name: string; readonly code?: string; readonly message: string } {
  if (!(error instanceof Error)) return { name: "_OTHER", message: String(error) };
  const { name, message } = error;
  return "code" in error && typeof error.code === "string"
    ? { name, code: error.code, message }
    : { name, message };
}
