import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { otlpJsonOf } from "./otlp-protobuf.fixture.ts";
import { spansOfBatch, spansOfDatagram } from "./thrift.fixture.ts";

export interface TestSpan {
  /** How it came: the content type of its request, `udp` of a datagram. */
  readonly way: string;
  readonly service: string;
  readonly name: string;
  /** OTLP's number: 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly {
    readonly name: string;
    readonly attributes: Readonly<Record<string, unknown>>;
  }[];
  readonly links: readonly { readonly traceId: string }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

/** Takes spans as OTLP in protobuf or JSON, as Thrift over HTTP and as Thrift in datagrams, and keeps what it decodes. */
export interface SpanSink extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** For OTEL_EXPORTER_JAEGER_ENDPOINT. */
  readonly jaegerUrl: string;
  /** For OTEL_EXPORTER_JAEGER_AGENT_PORT. */
  readonly agentPort: number;
  readonly spans: readonly TestSpan[];
}

export async function startSpanSink(): Promise<SpanSink> {
  const spans: TestSpan[] = [];
  const server = createServer((request, response) => {
    void receivedSpans(request).then(
      ({ way, received }) => {
        spans.push(...received);
        response.setHeader("content-type", way === "application/json" ? way : "application/x-protobuf");
        response.end(way === "application/json" ? "{}" : "");
      },
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  }).listen(0, "127.0.0.1");
  const agent = createSocket("udp4", (datagram) => spans.push(...spansOfDatagram(datagram)));
  agent.bind(0, "127.0.0.1");
  await Promise.all([once(server, "listening"), once(agent, "listening")]);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    jaegerUrl: `${url}/api/traces`,
    agentPort: agent.address().port,
    spans,
    async [Symbol.asyncDispose]() {
      agent.close();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

export interface Received {
  /** Its content type. */
  readonly way: string;
  readonly received: readonly TestSpan[];
}

/** Decodes what a service sends over HTTP, in whichever form. @throws {Error} when it is none of them */
export async function receivedSpans(request: IncomingMessage): Promise<Received> {
  const sent = await buffer(request);
  const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
  const way = `${request.headers["content-type"]}`;
  switch (`${request.url} ${way}`) {
    case "/v1/traces application/json":
      return { way, received: spansOfOtlp(way, body.toString()) };
    case "/v1/traces application/x-protobuf":
      return { way, received: spansOfOtlp(way, otlpJsonOf(body)) };
    case "/api/traces application/x-thrift":
      return { way, received: spansOfBatch(body) };
    default:
      throw new Error(`${request.url} takes no ${way}`);
  }
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpSpan extends Omit<TestSpan, "way" | "service" | "attributes" | "events" | "links"> {
  readonly attributes?: readonly Attribute[];
  readonly events?: readonly { readonly name: string; readonly attributes?: readonly Attribute[] }[];
  readonly links?: TestSpan["links"];
}

interface TraceExport {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

function spansOfOtlp(way: string, json: string): readonly TestSpan[] {
  return (JSON.parse(json) as TraceExport).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        ...span,
        way,
        service: String(valuesOf(resource.attributes)["service.name"]),
        attributes: valuesOf(span.attributes),
        events: (span.events ?? []).map(({ name, attributes }) => ({
          name,
          attributes: valuesOf(attributes),
        })),
        links: span.links ?? [],
      })),
  );
}

/** Numbers are numbers, whatever JSON writes for those of 64 bits. */
function valuesOf(attributes: readonly Attribute[] = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      "intValue" in value ? Number(value["intValue"]) : Object.values(value)[0],
    ]),
  );
}
