import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sweep } from "./sweeper.ts";

const exporter = new InMemorySpanExporter();
beforeAll(() => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  trace.disable();
  context.disable();
});

it("each piece that was left open is worked on in a trace of its own, with its order; looking for them in none", async () => {
  const stop = new AbortController();
  const traceOfLog: (string | undefined)[] = [];
  const log = pino({
    hooks: {
      logMethod() {
        traceOfLog.push(trace.getActiveSpan()?.spanContext().traceId);
      },
    },
  });
  const left = ["r-1", "r-2"].map((reference) => ({ reference, orderId: `order of ${reference}` }));
  const claimedIn: unknown[] = [];
  const worked: string[] = [];
  const claim = async () => {
    claimedIn.push(trace.getActiveSpan());
    return left.splice(0);
  };
  const work = async ({ reference }: { readonly reference: string }): Promise<void> => {
    worked.push(reference);
    if (worked.length === 2) stop.abort();
    if (reference === "r-2") throw new Error("no answer");
  };
  await sweep({ task: "settle payment", lanes: 4, claim, work }, log, stop.signal);
  expect(claimedIn).toEqual([undefined]);
  const spans = exporter.getFinishedSpans();
  expect(
    spans.map(({ name, parentSpanContext, links, attributes, status }) => [
      name,
      parentSpanContext,
      links.length,
      attributes["shop.order.id"],
      status.code,
    ]),
  ).toEqual([
    ["settle payment", undefined, 0, "order of r-1", SpanStatusCode.UNSET],
    ["settle payment", undefined, 0, "order of r-2", SpanStatusCode.ERROR],
  ]);
  const [first, second] = spans.map((span) => span.spanContext().traceId);
  expect(first).not.toBe(second);
  expect(traceOfLog).toEqual([second]);
});
