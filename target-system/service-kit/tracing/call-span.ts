import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
} from "@opentelemetry/api";
import { fullUrl } from "./traced-url.ts";

/**
 * The span of one attempt to call over HTTP, made where the attempt is (callee.ts) and not by an instrumentation of the
 * client: here it is known which route is called, which attempt it is and how it ended, and it costs a fraction.
 * Names and attributes: opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client.
 *
 *   beginCall ─▶ headers go along ─▶ answered? ─▶ ended | failed
 */
export interface CallSpan {
  /** That tell the callee which trace it is in. */
  readonly headers: Readonly<Record<string, string>>;
  answered(status: number): void;
  /** The answer is whole. */
  ended(): void;
  /** There is no whole answer. */
  failed(error: unknown): void;
  /** Nobody waits for it any longer: no failure, and no answer. */
  cancelled(): void;
}

export interface TracedCall {
  readonly method: string;
  /** "http://127.0.0.1:4000". */
  readonly origin: URL;
  /** "/products/:id". */
  readonly route: string;
  /** "/products/p-0001?…". */
  readonly target: string;
}

/** Begins one where there is a request at work that is traced: without a parent it would tell no story. */
export function beginCall({ method, origin, route, target }: TracedCall, more: Attributes): CallSpan {
  const here = context.active();
  const headers: Record<string, string> = {};
  if (trace.getSpanContext(here) === undefined) {
    propagation.inject(here, headers);
    return { headers, answered: nothing, ended: nothing, failed: nothing, cancelled: nothing };
  }
  const span = trace
    .getTracer("service-kit")
    .startSpan(`${method} ${route}`, { kind: SpanKind.CLIENT }, here);
  if (span.isRecording())
    // Not given to `startSpan`, which looks through them twice more.
    span.setAttributes({
      "http.request.method": method,
      "server.address": origin.hostname,
      "server.port": Number(origin.port) || (origin.protocol === "https:" ? 443 : 80),
      "url.full": fullUrl(origin.origin, target),
      "url.template": route,
      ...more,
    });
  propagation.inject(trace.setSpan(here, span), headers);
  return {
    headers,
    answered(status) {
      span.setAttribute("http.response.status_code", status);
      if (status >= 400) fail(span, String(status));
    },
    ended: () => span.end(),
    failed(error) {
      fail(span, typeOf(error), error instanceof Error ? error.message : String(error));
      span.end();
    },
    cancelled: () => span.end(),
  };
}

const nothing = (): void => undefined;

function fail(span: Span, type: string, message?: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && message !== "" && { message }) });
}

/** "ECONNREFUSED", else the error's class. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return "_OTHER";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
