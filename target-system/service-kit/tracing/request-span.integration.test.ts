import { once } from "node:events";
import { connect } from "node:net";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { waitFor } from "../wait.fixture.ts";
import { inRequestSpan, traceRequests } from "./request-span.ts";

const exporter = new InMemorySpanExporter();
let app: FastifyInstance;
let url: string;
/** The span that was at work where a handler or a handler of errors ran. */
let atWork: (string | undefined)[] = [];
const markWork = (): void => void atWork.push(trace.getActiveSpan()?.spanContext().spanId);

beforeAll(async () => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  app = fastify({
    frameworkErrors: (_error, request, reply: FastifyReply) =>
      inRequestSpan(request, reply, () => void reply.code(400).send()),
  });
  traceRequests(app, new Set(["/live"]));
  app.setErrorHandler((_error, _request, reply) => {
    markWork();
    return reply.code(503).send();
  });
  app.get("/live", async () => "");
  app.get("/things/:id", async () => {
    await new Promise(setImmediate);
    markWork();
    return "";
  });
  app.post("/things", async () => {
    markWork();
    return "";
  });
  app.get("/slow", () => new Promise(() => undefined));
  url = await app.listen({ port: 0, host: "127.0.0.1" });
});
beforeEach(() => {
  exporter.reset();
  atWork = [];
});
afterAll(async () => {
  await app.close();
  trace.disable();
  context.disable();
  propagation.disable();
});

async function spanOf(asked: () => Promise<unknown>): Promise<ReadableSpan> {
  await asked();
  return waitFor("a span", () => exporter.getFinishedSpans()[0]);
}

it("is its caller's child, named by its route, and tells what conventions want", async () => {
  const traceId = "a".repeat(32);
  const headers = { traceparent: `00-${traceId}-${"b".repeat(16)}-01`, "user-agent": "shopper/1" };
  const span = await spanOf(() => fetch(`${url}/things/t-1?page=2&q=planted`, { headers }));
  expect([span.name, span.kind, span.status.code]).toEqual([
    "GET /things/:id",
    SpanKind.SERVER,
    SpanStatusCode.UNSET,
  ]);
  expect([span.spanContext().traceId, span.parentSpanContext?.spanId]).toEqual([traceId, "b".repeat(16)]);
  expect(span.attributes).toEqual({
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/things/:id",
    "network.protocol.version": "1.1",
    "server.address": "127.0.0.1",
    "server.port": Number(new URL(url).port),
    "url.path": "/things/t-1",
    "url.query": "page=2&q=REDACTED",
    "url.scheme": "http",
    "user_agent.original": "shopper/1",
  });
  expect(atWork).toEqual([span.spanContext().spanId]);
});

it.each([
  ["a handler whose request has a body", "{}", 200],
  ["a handler of errors whose request has a body that cannot be read", "{", 503],
])("%s works within it", async (_what, body, status) => {
  const headers = { "content-type": "application/json" };
  const span = await spanOf(() => fetch(`${url}/things`, { method: "POST", headers, body }));
  expect(span.attributes["http.response.status_code"]).toBe(status);
  expect(atWork).toEqual([span.spanContext().spanId]);
});

it("an answer of 500 or more is an error of a type of few; what there is not is none, and has the method's name", async () => {
  const failed = await spanOf(() =>
    fetch(`${url}/things`, { method: "POST", headers: { "content-type": "application/json" }, body: "{" }),
  );
  expect([failed.status.code, failed.attributes["error.type"]]).toEqual([SpanStatusCode.ERROR, "503"]);
  exporter.reset();
  const absent = await spanOf(() => fetch(`${url}/nothing-here`));
  expect([absent.name, absent.status.code, absent.attributes["http.route"]]).toEqual([
    "GET",
    SpanStatusCode.UNSET,
    undefined,
  ]);
  expect(absent.attributes["http.response.status_code"]).toBe(404);
});

it("a URL that leads nowhere has one as well", async () => {
  const span = await spanOf(() => fetch(`${url}/things/%E0%A4%A`));
  expect([span.name, span.attributes["http.response.status_code"]]).toEqual(["GET", 400]);
});

it("a request whose client leaves before it is answered has no status, and is no error", async () => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const taken = once(app.server, "request");
  socket.write("GET /slow HTTP/1.1\r\nhost: 4111 1111 1111 1111:80\r\n\r\n");
  await taken;
  const span = await spanOf(async () => socket.destroy());
  expect([span.name, span.status.code]).toEqual(["GET /slow", SpanStatusCode.UNSET]);
  expect(span.attributes).not.toHaveProperty("http.response.status_code");
  expect(JSON.stringify(span.attributes)).not.toContain("4111");
});

it("a method of nobody's makes up no name", async () => {
  const span = await spanOf(async () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("PROPFIND /things/t-1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await once(socket.resume(), "close");
  });
  expect([
    span.name,
    span.attributes["http.request.method"],
    span.attributes["http.request.method_original"],
  ]).toEqual(["HTTP", "_OTHER", "PROPFIND"]);
});

it("a quiet route has none", async () => {
  await fetch(`${url}/live`);
  const span = await spanOf(() => fetch(`${url}/things/t-2`));
  expect([exporter.getFinishedSpans().length, span.name]).toEqual([1, "GET /things/:id"]);
});
