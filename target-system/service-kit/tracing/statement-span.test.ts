import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { poolAttributes } from "./pool-wait.ts";
import { beginStatement, type StatementSpan } from "./statement-span.ts";

const exporter = new InMemorySpanExporter();
beforeAll(() => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
beforeEach(() => exporter.reset());
afterAll(() => {
  trace.disable();
  context.disable();
});

const place = poolAttributes("postgres://shop:secret@127.0.0.1:5433/orders");

function traced(end: (span: StatementSpan) => void) {
  trace.getTracer("test").startActiveSpan("request", (request) => {
    end(beginStatement(place, "select id from orders where id = $1"));
    request.end();
  });
  const [told] = exporter.getFinishedSpans();
  if (told === undefined) throw new Error("expected a span");
  return told;
}

const said = {
  "db.namespace": "orders",
  "db.query.summary": "SELECT orders",
  "db.query.text": "select id from orders where id = $1",
  "db.system.name": "postgresql",
  "server.address": "127.0.0.1",
  "server.port": 5_433,
};

it("is named by what the statement does, and says where and what was asked", () => {
  const { name, kind, status, attributes } = traced((span) => span.ended());
  expect([name, kind, status.code]).toEqual(["SELECT orders", SpanKind.CLIENT, SpanStatusCode.UNSET]);
  expect(attributes).toEqual(said);
});

it.each([
  [
    "what a server refuses",
    Object.assign(new Error("no"), { code: "23505" }),
    { "error.type": "23505", "db.response.status_code": "23505" },
  ],
  [
    "a connection that breaks",
    Object.assign(new Error("no"), { code: "ECONNRESET" }),
    { "error.type": "ECONNRESET" },
  ],
  ["an answer that does not come", new TypeError("no"), { "error.type": "TypeError" }],
])("%s is a failure, of a type of few", (_what, error, more) => {
  const { status, attributes } = traced((span) => span.failed(error));
  expect(status).toEqual({ code: SpanStatusCode.ERROR, message: "no" });
  expect(attributes).toEqual({ ...said, ...more });
});

it("outside of a request there is none", () => {
  beginStatement(place, "select 1").ended();
  expect(exporter.getFinishedSpans()).toEqual([]);
});
