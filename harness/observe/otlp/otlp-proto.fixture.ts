import protobuf from "protobufjs";

/**
 * What of opentelemetry-proto v1.10.0 a trace export is made of, for another's decoder to read.
 * @param unread fields that it has for other signals, or in development, by message
 */
const proto = (unread: Readonly<Record<"Resource" | "KeyValue" | "AnyValue", string>>): string => `
syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
message ExportTracePartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; ${unread.Resource} }
message EntityRef { string schema_url = 1; string type = 2; repeated string id_keys = 3; repeated string description_keys = 4; }
message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
message InstrumentationScope { string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; fixed32 flags = 16;
  string name = 5; SpanKind kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10;
  repeated Event events = 11; uint32 dropped_events_count = 12;
  repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15;
  enum SpanKind { UNSPECIFIED = 0; INTERNAL = 1; SERVER = 2; CLIENT = 3; PRODUCER = 4; CONSUMER = 5; }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
  message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4; uint32 dropped_attributes_count = 5; fixed32 flags = 6; }
}
message Status { string message = 2; StatusCode code = 3; enum StatusCode { UNSET = 0; OK = 1; ERROR = 2; } }
message KeyValue { string key = 1; AnyValue value = 2; ${unread.KeyValue} }
message AnyValue { oneof value {
  string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
  ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; ${unread.AnyValue} } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message RpcStatus { int32 code = 1; string message = 2; }
`;

const { root } = protobuf.parse(proto({ Resource: "", KeyValue: "", AnyValue: "" }));
const { root: wholeRoot } = protobuf.parse(
  proto({
    Resource: "repeated EntityRef entity_refs = 3;",
    KeyValue: "int32 key_strindex = 3;",
    AnyValue: "int32 string_value_strindex = 8;",
  }),
);
export const requestType = root.lookupType("ExportTraceServiceRequest");
const wholeRequestType = wholeRoot.lookupType("ExportTraceServiceRequest");
export const responseType = root.lookupType("ExportTraceServiceResponse");
export const statusType = root.lookupType("RpcStatus");

/** @param request as protobufjs takes it: members in camel case, ids as bytes */
export function encodeRequest(request: unknown): Buffer {
  return Buffer.from(wholeRequestType.encode(wholeRequestType.fromObject(request as object)).finish());
}

const ids = new Set(["traceId", "spanId", "parentSpanId"]);

/** What protobufjs reads, as OTLP/JSON, without what has its default. @throws when it cannot read it */
export function readByProtobufjs(body: Buffer): unknown {
  const read: unknown = requestType.toObject(requestType.decode(readerOf(body)), {
    longs: String,
    enums: Number,
  });
  return asJson(read, false);
}

/** protobufjs takes a varint of six to nine bytes, where it wants 32 bits, for one of ten: those are read here. */
function readerOf(body: Buffer): protobuf.Reader {
  const reader = protobuf.Reader.create(body);
  const uint32 = reader.uint32.bind(reader);
  reader.uint32 = () => {
    const length = body.subarray(reader.pos, reader.pos + 10).findIndex((byte) => byte < 0x80) + 1;
    if (length < 6 || length === 10) return uint32();
    const bytes = body.subarray(reader.pos, reader.pos + 5);
    reader.pos += length;
    return bytes.reduce((value, byte, index) => value | ((byte & 0x7f) << (7 * index)), 0) >>> 0;
  };
  return reader;
}

/** @param isOneOf what has its default counts */
function asJson(value: unknown, isOneOf: boolean): unknown {
  if (Array.isArray(value)) return value.map((element) => asJson(element, false));
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return value;
  const members = Object.entries(value as Readonly<Record<string, unknown>>).flatMap(([key, member]) => {
    if (Buffer.isBuffer(member) || member instanceof Uint8Array) {
      const bytes = Buffer.from(member);
      const text = ids.has(key) ? bytes.toString("hex") : bytes.toString("base64");
      return text === "" && !isOneOf ? [] : [[key, text] as const];
    }
    const isValue = key === "value" || (key === "values" && Array.isArray(member));
    const told = Array.isArray(member)
      ? member.map((element) => asJson(element, isAnyValue(element)))
      : asJson(member, isValue);
    const isDefault =
      Object.is(told, 0) ||
      told === "" ||
      told === "0" ||
      told === false ||
      (Array.isArray(told) && told.length === 0);
    const isEmptyStatus =
      key === "status" && typeof told === "object" && Object.keys(told ?? {}).length === 0;
    return (isDefault && !isOneOf) || isEmptyStatus ? [] : [[key, told] as const];
  });
  return Object.fromEntries(members);
}

function isAnyValue(element: unknown): boolean {
  return (
    typeof element === "object" &&
    element !== null &&
    Object.keys(element).every((key) => key.endsWith("Value"))
  );
}
