import { context, propagation, SpanKind, SpanStatusCode, trace, type Attributes } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { beginCall, type CallSpan } from "./call-span.ts";

const exporter = new InMemorySpanExporter();
beforeAll(() => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
beforeEach(() => exporter.reset());
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

const origin = new URL("http://127.0.0.1:4000/");
const call = { method: "GET", origin, route: "/products/:id", target: "/products/p-0001?page=2&q=planted" };

/** A call in a request that is traced. @returns its span */
function traced(end: (span: CallSpan) => void, more: Attributes = {}) {
  trace.getTracer("test").startActiveSpan("request", (request) => {
    const span = beginCall(call, more);
    expect(span.headers["traceparent"]).toContain(request.spanContext().traceId);
    expect(span.headers["traceparent"]).not.toContain(request.spanContext().spanId);
    end(span);
    request.end();
  });
  const [told] = exporter.getFinishedSpans();
  if (told === undefined) throw new Error("expected a span");
  return told;
}

it("is named by the route, and holds the id that was asked for in its URL alone", () => {
  const span = traced(
    (one) => {
      one.answered(200);
      one.ended();
    },
    { "shop.callee": "catalog" },
  );
  expect([span.name, span.kind, span.status]).toEqual([
    "GET /products/:id",
    SpanKind.CLIENT,
    { code: SpanStatusCode.UNSET },
  ]);
  expect(span.attributes).toEqual({
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "server.address": "127.0.0.1",
    "server.port": 4_000,
    "url.full": "http://127.0.0.1:4000/products/p-0001?page=2&q=REDACTED",
    "url.template": "/products/:id",
    "shop.callee": "catalog",
  });
});

it.each([
  ["an answer that is an error", (one: CallSpan) => (one.answered(404), one.ended()), "404", 404],
  [
    "a connection that was refused",
    (one: CallSpan) => one.failed(Object.assign(new AggregateError([], ""), { code: "ECONNREFUSED" })),
    "ECONNREFUSED",
    undefined,
  ],
  [
    "an answer that breaks off",
    (one: CallSpan) => (one.answered(200), one.failed(new Error("other side closed"))),
    "Error",
    200,
  ],
])("%s is a failure, of a type of few", (_what, end, type, status) => {
  const { attributes, status: told } = traced(end);
  expect(told.code).toBe(SpanStatusCode.ERROR);
  expect([attributes["error.type"], attributes["http.response.status_code"]]).toEqual([type, status]);
});

it("a call that nobody waits for any longer has neither a status nor an error", () => {
  const { attributes, status } = traced((one) => one.cancelled());
  expect(status.code).toBe(SpanStatusCode.UNSET);
  expect(Object.keys(attributes).filter((key) => /status|error/.test(key))).toEqual([]);
});

it("outside of a request there is no span, and no trace goes along", () => {
  const span = beginCall(call, {});
  span.answered(200);
  span.ended();
  expect(span.headers).toEqual({});
  expect(exporter.getFinishedSpans()).toEqual([]);
});
