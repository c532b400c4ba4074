import { readJsonl } from "../base/jsonl.ts";
import type { Span } from "./span.ts";

/**
 * OTLP/JSON, the protobuf JSON mapping of OpenTelemetry's trace export with ids in hex (opentelemetry.io/docs/specs/otlp):
 *
 *   { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: [...] }] }] }
 *
 * Senders differ in what they leave out and in how they write numbers, so decoding is tolerant: what is missing or of
 * another type is left out, and only a span that cannot be placed (no id, no start) is skipped.
 */

/**
 * Reads `traces.otlp.jsonl`, one request a line. A last line that was cut off, lines that are no JSON and a file that
 * does not exist give no spans.
 * @throws {SQUALL_FILE} when the file exists and cannot be read
 */
export function readSpans(file: string): Span[] {
  return readJsonl(file, decodeSpans).lines.flat();
}

/** Names the run in the resource of a run's own trace (engine/run-trace.ts), which is none of the fleet's. */
export const runAttribute = "squall.run";

/**
 * The fleet's spans in one export request: a run's own trace is left out. Never throws: what is no request has no spans.
 */
export function decodeSpans(request: unknown): Span[] {
  const spans: Span[] = [];
  for (const resourceSpans of listIn(request, "resourceSpans")) {
    const resource = attributesOf(memberOf(resourceSpans, "resource"));
    if (resource[runAttribute] !== undefined) continue;
    const service = resource["service.name"];
    for (const scopeSpans of listIn(resourceSpans, "scopeSpans"))
      for (const encoded of listIn(scopeSpans, "spans")) {
        const span = decodeSpan(encoded, typeof service === "string" ? service : "unknown");
        if (span !== undefined) spans.push(span);
      }
  }
  return spans;
}

function decodeSpan(encoded: unknown, service: string): Span | undefined {
  const traceId = idIn(encoded, "traceId");
  const spanId = idIn(encoded, "spanId");
  const startMs = timeIn(encoded, "startTimeUnixNano");
  if (traceId === undefined || spanId === undefined || startMs === undefined) return undefined;
  const status = memberOf(encoded, "status");
  const statusCode = memberOf(status, "code");
  const statusMessage = memberOf(status, "message");
  const name = memberOf(encoded, "name");
  return {
    traceId,
    spanId,
    parentSpanId: idIn(encoded, "parentSpanId"),
    service,
    name: typeof name === "string" ? name : "",
    kind: kindOf(memberOf(encoded, "kind")),
    startMs,
    endMs: timeIn(encoded, "endTimeUnixNano") ?? startMs,
    isError: statusCode === 2 || statusCode === "STATUS_CODE_ERROR",
    statusMessage: typeof statusMessage === "string" && statusMessage !== "" ? statusMessage : undefined,
    attributes: attributesOf(encoded),
    links: listIn(encoded, "links").flatMap((link) => {
      const linkedTrace = idIn(link, "traceId");
      const linkedSpan = idIn(link, "spanId");
      return linkedTrace === undefined || linkedSpan === undefined
        ? []
        : [{ traceId: linkedTrace, spanId: linkedSpan }];
    }),
    events: listIn(encoded, "events").flatMap((event) => {
      const eventName = memberOf(event, "name");
      const atMs = timeIn(event, "timeUnixNano");
      if (typeof eventName !== "string" || atMs === undefined) return [];
      const attributes = attributesOf(event);
      return [{ name: eventName, atMs, ...(Object.keys(attributes).length > 0 && { attributes }) }];
    }),
  };
}

const kinds = ["internal", "internal", "server", "client", "producer", "consumer"] as const;

/** 2 or "SPAN_KIND_SERVER"; unspecified counts as internal, as the specification has it. */
function kindOf(kind: unknown): Span["kind"] {
  if (typeof kind === "number") return kinds[kind] ?? "internal";
  if (typeof kind !== "string") return "internal";
  const named = kind.replace("SPAN_KIND_", "").toLowerCase();
  return kinds.find((known) => known === named) ?? "internal";
}

function attributesOf(holder: unknown): Record<string, string | number | boolean> {
  const attributes: Record<string, string | number | boolean> = {};
  for (const attribute of listIn(holder, "attributes")) {
    const key = memberOf(attribute, "key");
    const value = decodeValue(memberOf(attribute, "value"));
    if (typeof key === "string" && value !== undefined) attributes[key] = value;
  }
  return attributes;
}

/** A scalar as it is, a list as its scalars with commas between; other values have no place in a flat span. */
function decodeValue(value: unknown): string | number | boolean | undefined {
  const text = memberOf(value, "stringValue");
  if (typeof text === "string") return text;
  const flag = memberOf(value, "boolValue");
  if (typeof flag === "boolean") return flag;
  const number = numberOf(memberOf(value, "intValue")) ?? numberOf(memberOf(value, "doubleValue"));
  if (number !== undefined) return number;
  const list = memberOf(value, "arrayValue");
  if (list === undefined) return undefined;
  return listIn(list, "values")
    .map(decodeValue)
    .filter((element) => element !== undefined)
    .join(", ");
}

/** Hex, lower case; an empty id or one of zeros is none. */
function idIn(holder: unknown, key: string): string | undefined {
  const id = memberOf(holder, key);
  return typeof id === "string" && /[^0]/.test(id) ? id.toLowerCase() : undefined;
}

/** Nanoseconds, as text or number -> milliseconds, exact to a quarter of a microsecond. */
function timeIn(holder: unknown, key: string): number | undefined {
  const nanoseconds = numberOf(memberOf(holder, key));
  return nanoseconds === undefined || nanoseconds <= 0 ? undefined : nanoseconds / 1e6;
}

/** 64-bit numbers are text in protobuf's JSON; some senders write them as numbers. */
function numberOf(value: unknown): number | undefined {
  if (typeof value !== "number" && (typeof value !== "string" || value === "")) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function listIn(holder: unknown, key: string): readonly unknown[] {
  const list = memberOf(holder, key);
  return Array.isArray(list) ? list : [];
}

function memberOf(holder: unknown, key: string): unknown {
  return typeof holder === "object" && holder !== null
    ? (holder as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
