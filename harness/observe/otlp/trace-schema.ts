/**
 * The messages of a trace export request and their fields, of opentelemetry-proto v1.10.0: `collector/trace/v1`, `trace/v1`,
 * `resource/v1` and `common/v1`. A field that is not here is unknown, and skipped: `entity_refs` of a resource (in
 * development), and the indexes into a profile's table of strings.
 */

/** How a field is encoded, what JSON it becomes, and what else is done with it. */
export type FieldKind =
  | "text"
  | "bytes"
  /** Hex in OTLP's JSON, where protobuf's own mapping has base64. */
  | "id"
  /** `trace-id`, `span-id` and `start-time` are what a span cannot be placed without. */
  | "trace-id"
  | "span-id"
  | "start-time"
  | "time"
  | "bool"
  | "int64"
  | "double"
  | "enum"
  | "fixed32"
  /** What a sender says it dropped. */
  | "dropped-attributes"
  | "dropped-events"
  | "dropped-links"
  | "message"
  | "span"
  /** A message that is left out when nothing is in it. */
  | "status";

export interface Field {
  /** As it begins in JSON: `"traceId":`, `"spans":[` */
  readonly opening: Buffer;
  readonly kind: FieldKind;
  readonly wireType: 0 | 1 | 2 | 5;
  readonly isRepeated: boolean;
  /** Of a message. */
  readonly message: Message | undefined;
}

export interface Message {
  readonly name: string;
  /** By field number. */
  readonly fields: (Field | undefined)[];
  /** At most one of its fields is set, and one that is set counts even if it has its default. */
  readonly isOneOf: boolean;
}

const wireTypes: Readonly<Record<FieldKind, Field["wireType"]>> = {
  text: 2,
  bytes: 2,
  id: 2,
  "trace-id": 2,
  "span-id": 2,
  "start-time": 1,
  time: 1,
  bool: 0,
  int64: 0,
  double: 1,
  enum: 0,
  fixed32: 5,
  "dropped-attributes": 0,
  "dropped-events": 0,
  "dropped-links": 0,
  message: 2,
  span: 2,
  status: 2,
};

function message(name: string): Message {
  return { name, fields: [], isOneOf: false };
}

/** Messages contain each other, so they are there before their fields are. */
function setFields(of: Message, fields: Readonly<Record<number, Field>>): void {
  for (const [number, field] of Object.entries(fields)) of.fields[Number(number)] = field;
}

function one(name: string, kind: FieldKind, of?: Message): Field {
  const opening = Buffer.from(`"${name}":`);
  return { opening, kind, wireType: wireTypes[kind], isRepeated: false, message: of };
}

function many(name: string, of: Message, kind: FieldKind = "message"): Field {
  return { opening: Buffer.from(`"${name}":[`), kind, wireType: 2, isRepeated: true, message: of };
}

export const traceRequest = message("ExportTraceServiceRequest");
export const resourceSpans = message("ResourceSpans");
export const resource = message("Resource");
const scopeSpans = message("ScopeSpans");
const scope = message("InstrumentationScope");
const span = message("Span");
const event = message("Span.Event");
const link = message("Span.Link");
const status = message("Status");
const keyValue = message("KeyValue");
const anyValue: Message = { ...message("AnyValue"), isOneOf: true };
const arrayValue = message("ArrayValue");
const keyValueList = message("KeyValueList");

setFields(traceRequest, { 1: many("resourceSpans", resourceSpans) });
setFields(resourceSpans, {
  1: one("resource", "message", resource),
  2: many("scopeSpans", scopeSpans),
  3: one("schemaUrl", "text"),
});
setFields(resource, {
  1: many("attributes", keyValue),
  2: one("droppedAttributesCount", "dropped-attributes"),
});
setFields(scopeSpans, {
  1: one("scope", "message", scope),
  2: many("spans", span, "span"),
  3: one("schemaUrl", "text"),
});
setFields(scope, {
  1: one("name", "text"),
  2: one("version", "text"),
  3: many("attributes", keyValue),
  4: one("droppedAttributesCount", "dropped-attributes"),
});
setFields(span, {
  1: one("traceId", "trace-id"),
  2: one("spanId", "span-id"),
  3: one("traceState", "text"),
  4: one("parentSpanId", "id"),
  5: one("name", "text"),
  6: one("kind", "enum"),
  7: one("startTimeUnixNano", "start-time"),
  8: one("endTimeUnixNano", "time"),
  9: many("attributes", keyValue),
  10: one("droppedAttributesCount", "dropped-attributes"),
  11: many("events", event),
  12: one("droppedEventsCount", "dropped-events"),
  13: many("links", link),
  14: one("droppedLinksCount", "dropped-links"),
  15: one("status", "status", status),
  16: one("flags", "fixed32"),
});
setFields(event, {
  1: one("timeUnixNano", "time"),
  2: one("name", "text"),
  3: many("attributes", keyValue),
  4: one("droppedAttributesCount", "dropped-attributes"),
});
setFields(link, {
  1: one("traceId", "id"),
  2: one("spanId", "id"),
  3: one("traceState", "text"),
  4: many("attributes", keyValue),
  5: one("droppedAttributesCount", "dropped-attributes"),
  6: one("flags", "fixed32"),
});
setFields(status, { 2: one("message", "text"), 3: one("code", "enum") });
setFields(keyValue, { 1: one("key", "text"), 2: one("value", "message", anyValue) });
setFields(anyValue, {
  1: one("stringValue", "text"),
  2: one("boolValue", "bool"),
  3: one("intValue", "int64"),
  4: one("doubleValue", "double"),
  5: one("arrayValue", "message", arrayValue),
  6: one("kvlistValue", "message", keyValueList),
  7: one("bytesValue", "bytes"),
});
setFields(arrayValue, { 1: many("values", anyValue) });
setFields(keyValueList, { 1: many("values", keyValue) });
