import { requestType } from "../../harness/observe/otlp/otlp-proto.fixture.ts";

/** What a receiver needs of a request: the line that it writes, and spans by service. */
export interface ReadRequest {
  readonly line: string;
  readonly spans: ReadonlyMap<string, number>;
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource?: {
      readonly attributes: readonly {
        readonly key: string;
        readonly value?: { readonly stringValue?: string };
      }[];
    };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

interface Span extends Ids {
  readonly links: readonly Ids[];
}

/** Bytes when decoded; hex before the line is made, which protobufjs itself would make base64. */
interface Ids {
  traceId: Buffer | string;
  spanId: Buffer | string;
  parentSpanId?: Buffer | string;
}

/** As one would with protobufjs: decode, count, ids to hex, and its own mapping to JSON for all else. */
export function readByProtobufjs(body: Buffer): ReadRequest {
  const message = requestType.decode(body);
  const request = message as unknown as Request;
  for (const { scopeSpans } of request.resourceSpans)
    for (const { spans } of scopeSpans)
      for (const span of spans) {
        toHex(span);
        span.links.forEach(toHex);
      }
  const line = `${JSON.stringify(requestType.toObject(message, { longs: String }))}\n`;
  return { line, spans: countSpans(request) };
}

/** Decoded and counted; nothing is written. */
export function countByProtobufjs(body: Buffer): ReadonlyMap<string, number> {
  return countSpans(requestType.decode(body) as unknown as Request);
}

/** The same of a request in JSON, which is its own line. */
export function countByJsonParse(body: Buffer): ReadonlyMap<string, number> {
  return countSpans(JSON.parse(body.toString("utf8")) as Request);
}

function toHex(ids: Ids): void {
  ids.traceId = hexOf(ids.traceId);
  ids.spanId = hexOf(ids.spanId);
  if (ids.parentSpanId !== undefined) ids.parentSpanId = hexOf(ids.parentSpanId);
}

function hexOf(id: Buffer | string): string {
  return typeof id === "string" ? id : id.toString("hex");
}

function countSpans({ resourceSpans }: Request): ReadonlyMap<string, number> {
  const counted = new Map<string, number>();
  for (const { resource, scopeSpans } of resourceSpans) {
    const service =
      resource?.attributes.find(({ key }) => key === "service.name")?.value?.stringValue ?? "unknown";
    for (const { spans } of scopeSpans) counted.set(service, (counted.get(service) ?? 0) + spans.length);
  }
  return counted;
}
