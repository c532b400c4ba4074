import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { censorText } from "./censored-span.ts";
import { urlAttributes } from "./traced-url.ts";

/**
 * The span of a request that a service answers, made where its route is known and not by an instrumentation of Node's
 * server: that finds the route out later, listens to everything of both streams, and costs twice as much.
 * Names and attributes: opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server. Left out is whom the request
 * is from: for a trace it is no matter where a customer lives.
 *
 *   traceparent, baggage ─▶ span ─▶ hooks, handler (within it) ─▶ closed: answered, or its client has left
 */
export function traceRequests(app: FastifyInstance, quietRoutes: ReadonlySet<string>): void {
  app.addHook("onRequest", (request, reply, done) => {
    if (quietRoutes.has(request.routeOptions.url ?? "")) done();
    else inRequestSpan(request, reply, done);
  });
}

/** Answers a request within its span, which ends with it. */
export function inRequestSpan(request: FastifyRequest, reply: FastifyReply, answer: () => void): void {
  const caller = propagation.extract(ROOT_CONTEXT, request.headers);
  const route = request.routeOptions.url;
  const isKnown = knownMethods.has(request.method);
  const method = isKnown ? request.method : "HTTP";
  const name = route === undefined ? method : `${method} ${route}`;
  const span = trace.getTracer("service-kit").startSpan(name, { kind: SpanKind.SERVER }, caller);
  const here = trace.setSpan(caller, span);
  if (span.isRecording()) {
    // Not given to `startSpan`, which looks through them twice more.
    span.setAttributes({
      "http.request.method": isKnown ? request.method : "_OTHER",
      "http.request.method_original": isKnown ? undefined : request.method,
      "http.route": route,
      "network.protocol.version": request.raw.httpVersion,
      // Whoever asks says it.
      "server.address": censorText(request.hostname),
      "server.port": request.port ?? undefined,
      "url.scheme": request.protocol,
      "user_agent.original": request.headers["user-agent"],
      ...urlAttributes(request.raw.url ?? "/"),
    });
    reply.raw.once("close", () => {
      const { headersSent, statusCode } = reply.raw;
      if (headersSent) span.setAttribute("http.response.status_code", statusCode);
      if (headersSent && statusCode >= 500) {
        span.setAttribute("error.type", String(statusCode));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    });
  }
  // What reads a body runs in the context of its connection.
  if (hasBody(request)) context.bind(here, request.raw);
  context.with(here, answer);
}

/** Those that OpenTelemetry's conventions know; no other is to make up a name. */
const knownMethods: ReadonlySet<string> = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "QUERY",
  "TRACE",
]);

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}
