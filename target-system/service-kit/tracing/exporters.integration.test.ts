import { execFileSync } from "node:child_process";
import { context, SpanKind, SpanStatusCode, trace, TraceFlags, type SpanContext } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitFor } from "../wait.fixture.ts";
import { createSpanExporter } from "./span-exporter.ts";
import { startSpanSink, type SpanSink, type TestSpan } from "./spans.fixture.ts";
import type { ExporterConfig } from "./tracing-config.ts";

let sink: SpanSink;
beforeAll(async () => {
  sink = await startSpanSink();
});
afterAll(() => sink[Symbol.asyncDispose]());

const of = (service: string): readonly TestSpan[] => sink.spans.filter((span) => span.service === service);

const linked: SpanContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: TraceFlags.SAMPLED,
};

/** Sends two spans of a service, one below the other, and as many more as asked for. */
async function send(config: ExporterConfig, service: string, more = 0): Promise<void> {
  const batch = new BatchSpanProcessor({ exporter: await createSpanExporter(config), maxQueueSize: 10_000 });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [batch],
  });
  const tracer = provider.getTracer("test", "1.0");
  const root = tracer.startSpan("GET /orders/:id", {
    kind: SpanKind.SERVER,
    attributes: {
      "shop.order.id": "o-1",
      "http.response.status_code": 503,
      "shop.duplicate": true,
      share: 0.5,
    },
    links: [{ context: linked }],
  });
  root.addEvent("retry", { "shop.attempt": 2, "shop.reason": "status 503" });
  root.setStatus({ code: SpanStatusCode.ERROR, message: "größer als erlaubt" });
  const parent = trace.setSpan(context.active(), root);
  tracer.startSpan("SELECT orders", { kind: SpanKind.CLIENT }, parent).end();
  root.end();
  for (let count = 0; count < more; count += 1) tracer.startSpan(`more ${count}`).end();
  await provider.shutdown();
}

const cases: readonly (readonly [way: string, service: string, config: () => ExporterConfig])[] = [
  ["application/x-protobuf", "by-protobuf", () => otlp("protobuf")],
  ["application/json", "by-json", () => otlp("json")],
  ["application/x-thrift", "by-thrift", () => ({ kind: "jaeger-http", url: sink.jaegerUrl })],
  ["udp", "by-udp", () => ({ kind: "jaeger-udp", host: "127.0.0.1", port: sink.agentPort })],
];

function otlp(encoding: "protobuf" | "json"): ExporterConfig {
  return { kind: "otlp", encoding, url: `${sink.url}/v1/traces` };
}

it.each(cases)("%s: what is decoded is what was recorded", async (way, service, config) => {
  await send(config(), service);
  await waitFor("the spans", () => of(service).length === 2);
  const [root, query] = ["GET /orders/:id", "SELECT orders"].map((name) =>
    of(service).find((span) => span.name === name),
  );
  expect(root).toMatchObject({
    way,
    kind: 2,
    attributes: {
      "shop.order.id": "o-1",
      "http.response.status_code": 503,
      "shop.duplicate": true,
      share: 0.5,
    },
    events: [{ name: "retry", attributes: { "shop.attempt": 2, "shop.reason": "status 503" } }],
    links: [{ traceId: linked.traceId }],
  });
  expect(root?.parentSpanId).toBeFalsy();
  expect(query).toMatchObject({ kind: 3, traceId: root?.traceId, parentSpanId: root?.spanId });
  const message = root?.attributes["otel.status_description"] ?? root?.status?.message;
  expect(message).toBe("größer als erlaubt");
});

it.each(cases.slice(0, 3))(
  "%s: of many batches at once none is lost at the end",
  async (_way, service, config) => {
    const name = `${service}-many`;
    await send(config(), name, 3_000);
    expect(of(name)).toHaveLength(3_002);
  },
);

it("Jaeger's exporter, shut down while batches are on their way, sends them all, and says of each that it did", async () => {
  const recorded = new InMemorySpanExporter();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "by-thrift-at-once" }),
    spanProcessors: [new SimpleSpanProcessor({ exporter: recorded })],
  });
  for (let count = 0; count < 250; count += 1) provider.getTracer("test").startSpan(`span ${count}`).end();
  const spans = recorded.getFinishedSpans();
  const exporter = await createSpanExporter({ kind: "jaeger-http", url: sink.jaegerUrl });
  const codes: number[] = [];
  for (const batch of [spans.slice(0, 120), spans.slice(120)])
    exporter.export(batch, ({ code }) => codes.push(code));
  await exporter.shutdown();
  expect(codes).toEqual([ExportResultCode.SUCCESS, ExportResultCode.SUCCESS]);
  expect(of("by-thrift-at-once")).toHaveLength(250);
});

it("Jaeger's exporter is loaded only where it is asked for", () => {
  // In processes of their own: here the tests above have loaded it.
  const code = (kind: string): string => `
    const { createSpanExporter } = await import(${JSON.stringify(import.meta.resolve("./span-exporter.ts"))});
    await createSpanExporter(${kind});
    const { createRequire } = await import("node:module");
    const loaded = Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache);
    console.log(loaded.some((file) => /jaeger-client|thriftrw/.test(file)));`;
  const loads = (kind: string): string =>
    execFileSync(process.execPath, ["--input-type=module", "--eval", code(kind)], {
      encoding: "utf8",
    }).trim();
  expect(loads(`{ kind: "otlp", encoding: "protobuf", url: "http://127.0.0.1:9/v1/traces" }`)).toBe("false");
  expect(loads(`{ kind: "jaeger-udp", host: "127.0.0.1", port: 9 }`)).toBe("true");
});
