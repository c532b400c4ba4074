import protobuf from "protobufjs";

/**
 * The messages of OTLP's trace export as opentelemetry-proto 1.7.0 has them (collector/trace/v1, trace/v1, resource/v1 and
 * common/v1 in one), decoded by protobufjs: nothing of what encodes them here.
 */
const schema = protobuf
  .parse(
    `syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message InstrumentationScope { string name = 1; string version = 2; }
  message Span {
    message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
    message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4; }
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; fixed32 flags = 16;
    string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10; repeated Event events = 11;
    uint32 dropped_events_count = 12; repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15;
  }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue {
    oneof value {
      string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
      ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
    }
  }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }`,
  )
  .root.lookupType("ExportTraceServiceRequest");

const idFields: ReadonlySet<string> = new Set(["traceId", "spanId", "parentSpanId"]);

/** @returns the same export as OTLP/JSON has it: ids in hex, 64-bit numbers as texts */
export function otlpJsonOf(protobuf: Uint8Array): string {
  const decoded = schema.toObject(schema.decode(protobuf), { longs: String, bytes: String });
  return JSON.stringify(decoded, (key, value: unknown) =>
    idFields.has(key) && typeof value === "string" ? Buffer.from(value, "base64").toString("hex") : value,
  );
}
