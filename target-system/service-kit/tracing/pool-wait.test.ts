import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { poolAttributes, traceWait } from "./pool-wait.ts";

const exporter = new InMemorySpanExporter();
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  );
});
beforeEach(() => exporter.reset());

const attributes = poolAttributes("postgresql://shop:planted@127.0.0.1:4711/orders");

/** The waits that a request's trace tells of. */
function waits(work: () => void) {
  trace.getTracer("test").startActiveSpan("request", (span) => {
    work();
    span.end();
  });
  return exporter.getFinishedSpans().filter(({ name }) => name === "pg-pool.connect");
}

it("a wait that took a while is told with how long, and where to", () => {
  const [wait] = waits(() => traceWait(attributes, performance.now() - 20));
  expect(wait).toMatchObject({
    kind: SpanKind.CLIENT,
    status: { code: SpanStatusCode.UNSET },
    attributes: {
      "db.system.name": "postgresql",
      "db.namespace": "orders",
      "server.address": "127.0.0.1",
      "server.port": 4711,
    },
  });
  const [seconds = 0, nanoseconds = 0] = wait?.duration ?? [];
  expect(seconds * 1_000 + nanoseconds / 1e6).toBeGreaterThanOrEqual(20);
});

it("one that was over at once is not told, unless it was in vain", () => {
  expect(waits(() => traceWait(attributes, performance.now()))).toEqual([]);
  const [wait] = waits(() => traceWait(attributes, performance.now(), new Error("no room")));
  expect(wait?.status).toEqual({ code: SpanStatusCode.ERROR, message: "no room" });
});

it("outside a trace nothing is told", () => {
  traceWait(attributes, performance.now() - 20);
  expect(exporter.getFinishedSpans()).toEqual([]);
});
