import { readFileSync } from "node:fs";
import { createRandom, type Random } from "../../harness/base/random.ts";
import { encodeRequest } from "../../harness/observe/otlp/otlp-proto.fixture.ts";

/** What services send in one request, in either encoding. */
export interface SpanBatch {
  readonly spans: number;
  readonly json: Buffer;
  readonly protobuf: Buffer;
}

/**
 * Batches like those of the shop's services, made up from a seed: sizes and kinds of spans, attributes and their lengths as
 * in a recorded run (36,560 spans in 749 requests: 44 spans in the middle one, 8.6 attributes and 500 bytes of protobuf each).
 */
export function madeUpBatches(seed: string, count: number): readonly SpanBatch[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const service = random.pick(services);
    const spans = Array.from({ length: Math.max(1, Math.round(random.exponential(50))) }, () =>
      random.pick(shapes)(random, service),
    );
    const scope = { name: "@opentelemetry/instrumentation-undici", version: "0.33.0" };
    const attributes = [text("service.instance.id", service), text("service.name", service)];
    return batchOf({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope, spans }] }] });
  });
}

/** The requests of a `traces.otlp.jsonl`. */
export function recordedBatches(file: string): readonly SpanBatch[] {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => batchOf(JSON.parse(line) as JsonRequest));
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[];
  }[];
}

const ids = new Set(["traceId", "spanId", "parentSpanId"]);

function batchOf<Request extends JsonRequest>(request: Request): SpanBatch {
  const json = JSON.stringify(request);
  const withBytes: unknown = JSON.parse(json, (key, value: unknown) =>
    ids.has(key) && typeof value === "string" ? Buffer.from(value, "hex") : value,
  );
  const lists = request.resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.map(({ spans }) => spans.length),
  );
  return {
    spans: lists.reduce((sum, length) => sum + length, 0),
    json: Buffer.from(json),
    protobuf: encodeRequest(withBytes),
  };
}

const services = ["gateway", "catalog", "user", "order", "payment", "notification", "recommendation"];

const query = `select p.id, p.name, p.price_cents as "priceCents", s.available
       from products p join stock s on s.product_id = p.id
       where p.category = $1 and p.name ilike '%' || $2 || '%' order by p.name limit $3`;

const shapes = [incoming, outgoing, outgoing, database, database, database, message];

function incoming(random: Random): object {
  const path = `/products/p-${random.integer(1_000, 9_999)}`;
  return span(random, 2, "GET /products/:id", [
    ...http(random, path),
    number("http.response.status_code", 200),
    text("client.address", "127.0.0.1"),
    text("http.route", "/products/:id"),
  ]);
}

function outgoing(random: Random): object {
  const path = `/reservations?order=${hex(random, 16)}&ids=${Array.from({ length: 8 }, () => `p-${random.integer(0, 9_999)}`).join(",")}`;
  return span(random, 3, "POST", [
    ...http(random, path),
    text("url.full", `http://127.0.0.1:${random.integer(20_000, 40_000)}${path}`),
    text("http.request.method_original", "POST"),
    number("http.response.status_code", 201),
  ]);
}

function database(random: Random, service: string): object {
  return span(random, 3, `pg.query:SELECT ${service}-db`, [
    text("db.system.name", "postgresql"),
    text("db.namespace", `${service}-db`),
    ...server(random),
    text("db.query.text", random.pick([query, "begin", "commit"])),
  ]);
}

function message(random: Random): object {
  const links = [{ traceId: hex(random, 32), spanId: hex(random, 16), flags: 257 }];
  const attributes = [
    text("messaging.operation.type", "process"),
    text("messaging.message.id", hex(random, 32)),
    text("messaging.destination.name", "order.confirmed"),
    text("shop.order.id", hex(random, 32)),
    number("shop.event.attempts", 1),
    ...server(random),
  ];
  return { ...span(random, 5, "process order.confirmed", attributes), links };
}

function span(random: Random, kind: number, name: string, attributes: readonly object[]): object {
  const startNs = 1_795_303_149_000_000_000n + BigInt(random.integer(0, 60_000)) * 1_000_000n;
  return {
    traceId: hex(random, 32),
    spanId: hex(random, 16),
    parentSpanId: hex(random, 16),
    name,
    kind,
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + BigInt(random.integer(100_000, 900_000_000))),
    attributes,
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { code: 0 },
    flags: 257,
  };
}

function http(random: Random, path: string): readonly object[] {
  return [
    text("http.request.method", "GET"),
    text("url.scheme", "http"),
    text("url.path", path),
    ...server(random),
    text("network.peer.address", "127.0.0.1"),
    number("network.peer.port", random.integer(20_000, 60_000)),
    text("network.protocol.version", "1.1"),
  ];
}

function server(random: Random): readonly object[] {
  return [text("server.address", "127.0.0.1"), number("server.port", random.integer(20_000, 40_000))];
}

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } };
}

function number(key: string, intValue: number): object {
  return { key, value: { intValue } };
}

function hex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => random.integer(0, 16).toString(16)).join("");
}
