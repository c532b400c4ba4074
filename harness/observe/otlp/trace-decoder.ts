import { MalformedRequest, type SpanBatch, type TraceRequest } from "./trace-request.ts";
import { joinFields } from "./join-fields.ts";
import { comma, JsonWriter } from "./json-writer.ts";
import { ProtobufReader, deepestNesting } from "./protobuf-reader.ts";
import { resource, resourceSpans, traceRequest, type Field, type Message } from "./trace-schema.ts";

/**
 * Makes of a trace export request in protobuf the line of OTLP/JSON that it stands for, and counts what is in it, in one
 * pass over its bytes: no message becomes an object. What has its default is left out, as protobuf's JSON mapping allows.
 *
 * Protobuf lets a sender scatter a message's fields: elements of a list with others between, a message in pieces to be
 * joined. JSON cannot be written that way, so such a request, which no sender known makes, is put in order first.
 */
export class TraceDecoder {
  readonly #out = new JsonWriter();
  #in = new ProtobufReader(Buffer.alloc(0));
  #batches: SpanBatch[] = [];
  #batch: SpanBatch = newBatch(0);
  #rejectedSpans = 0;
  /** Which of the fields that place a span it had: a bit each. */
  #placed = 0;

  /**
   * @param body of a request; whatever it holds, this ends
   * @returns a line that is overwritten by the next call
   * @throws {MalformedRequest} when it is no such request
   */
  decode(body: Buffer): TraceRequest {
    try {
      return this.#decode(body);
    } catch (error) {
      if (!(error instanceof ScatteredFields)) throw error;
      return this.#decode(joinFields(body, traceRequest));
    }
  }

  #decode(body: Buffer): TraceRequest {
    this.#in = new ProtobufReader(body);
    this.#out.length = 0;
    this.#batches = [];
    this.#rejectedSpans = 0;
    this.#message(traceRequest, body.length, 0);
    this.#out.byte(lineFeed);
    return {
      line: this.#out.written(),
      batches: this.#batches,
      ...(this.#rejectedSpans === 0 ? {} : { rejected: { spans: this.#rejectedSpans, why: unplaced } }),
    };
  }

  #message(message: Message, end: number, depth: number): void {
    if (depth > deepestNesting) throw new MalformedRequest(`nested deeper than ${deepestNesting} messages`);
    const reader = this.#in;
    const out = this.#out;
    const { fields, isOneOf } = message;
    out.byte(openBrace);
    let seen = 0;
    let list: Field | undefined;
    while (reader.at < end) {
      const tag = reader.tag(end);
      const number = tag >>> 3;
      const field = fields[number];
      if (field === undefined) {
        reader.skip(tag, end);
        continue;
      }
      if ((tag & 7) !== field.wireType)
        throw new MalformedRequest(
          `field ${number} of ${message.name} has wire type ${tag & 7}, expected ${field.wireType}`,
        );
      if (field !== list) {
        if (((seen >>> number) & 1) !== 0 || (isOneOf && seen !== 0)) throw new ScatteredFields();
        seen |= 1 << number;
        if (list !== undefined) this.#closeList();
        list = field.isRepeated ? field : undefined;
        if (list !== undefined) out.raw(field.opening);
      }
      if (list !== undefined) this.#element(field, end, depth);
      else this.#member(field, end, depth, isOneOf);
    }
    if (list !== undefined) this.#closeList();
    out.close(closeBrace);
  }

  #closeList(): void {
    this.#out.close(closeBracket);
    this.#out.byte(comma);
  }

  #element({ message, kind }: Field, end: number, depth: number): void {
    const length = this.#in.length(end);
    const elementEnd = this.#in.at + length;
    if (kind === "span") return this.#span(message as Message, elementEnd, depth);
    if (message === resourceSpans) this.#resourceSpans(length, depth);
    else this.#message(message as Message, elementEnd, depth + 1);
    this.#out.byte(comma);
  }

  #resourceSpans(sizeBytes: number, depth: number): void {
    this.#batch = newBatch(sizeBytes);
    this.#message(resourceSpans, this.#in.at + sizeBytes, depth + 1);
    this.#batches.push(this.#batch);
  }

  #span(message: Message, end: number, depth: number): void {
    const before = this.#out.length;
    this.#placed = 0;
    this.#message(message, end, depth + 1);
    if (this.#placed === allPlaced) {
      this.#batch.spans += 1;
      this.#out.byte(comma);
    } else {
      this.#rejectedSpans += 1;
      this.#out.length = before;
    }
  }

  #member(field: Field, end: number, depth: number, isOneOf: boolean): void {
    const reader = this.#in;
    const out = this.#out;
    const before = out.length;
    out.raw(field.opening);
    if (this.#value(field, reader, end, depth) || isOneOf) out.byte(comma);
    else out.length = before;
  }

  /** @returns whether it is other than its default */
  #value({ kind, message }: Field, reader: ProtobufReader, end: number, depth: number): boolean {
    const out = this.#out;
    switch (kind) {
      case "text":
      case "bytes":
      case "id":
      case "trace-id":
      case "span-id": {
        const length = reader.length(end);
        const start = reader.at;
        reader.at += length;
        if (kind === "text") out.text(reader.bytes, start, reader.at);
        else if (kind === "bytes") out.base64(reader.bytes, start, reader.at);
        else {
          out.hex(reader.bytes, start, reader.at);
          if (kind !== "id") this.#note(kind, start, length);
        }
        return length > 0;
      }
      case "start-time":
      case "time": {
        const low = reader.fixed32(end);
        const high = reader.fixed32(end);
        out.uint64Text(high, low);
        const isSet = low !== 0 || high !== 0;
        if (kind === "start-time" && isSet) this.#placed |= hasStart;
        return isSet;
      }
      case "fixed32": {
        const value = reader.fixed32(end);
        out.wholeNumber(value);
        return value !== 0;
      }
      case "double": {
        const value = reader.double(end);
        out.double(value);
        return value !== 0 || Object.is(value, -0);
      }
      case "message":
      case "status": {
        const length = reader.length(end);
        const start = reader.at;
        const before = out.length;
        this.#message(message as Message, start + length, depth + 1);
        if (message === resource) this.#batch.service = serviceIn(reader.bytes, start, start + length);
        return kind === "message" || out.length > before + 2;
      }
      case "bool": {
        reader.varint(end);
        const isTrue = reader.low !== 0 || reader.high !== 0;
        out.raw(isTrue ? trueText : falseText);
        return isTrue;
      }
      case "int64":
        reader.varint(end);
        out.int64Text(reader.high, reader.low);
        return reader.low !== 0 || reader.high !== 0;
      case "enum": {
        reader.varint(end);
        const value = reader.low | 0;
        if (value < 0) out.byte(minus);
        out.wholeNumber(Math.abs(value));
        return value !== 0;
      }
      case "dropped-attributes":
      case "dropped-events":
      case "dropped-links": {
        reader.varint(end);
        const { low } = reader;
        out.wholeNumber(low);
        if (kind === "dropped-attributes") this.#batch.droppedAttributes += low;
        else if (kind === "dropped-events") this.#batch.droppedEvents += low;
        else this.#batch.droppedLinks += low;
        return low !== 0;
      }
      case "span":
        throw new Error("a span is an element of a list");
    }
  }

  #note(kind: "trace-id" | "span-id", start: number, length: number): void {
    const { bytes } = this.#in;
    if (length !== (kind === "trace-id" ? 16 : 8)) return;
    for (let at = start; at < start + length; at += 1)
      if (bytes[at] !== 0) {
        this.#placed |= kind === "trace-id" ? hasTraceId : hasSpanId;
        return;
      }
  }
}

/** A message of which a field comes again after others, or two of which only one may be set. */
class ScatteredFields extends Error {}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const closeBracket = 0x5d;
const lineFeed = 0x0a;
const minus = 0x2d;
const trueText = Buffer.from("true");
const falseText = Buffer.from("false");
const hasTraceId = 1;
const hasSpanId = 2;
const hasStart = 4;
const allPlaced = hasTraceId | hasSpanId | hasStart;

export const unplaced =
  "expected of each span a trace id of 16 bytes and a span id of 8, not all zero, and a start time";

export function newBatch(sizeBytes: number): SpanBatch {
  return {
    service: "unknown",
    spans: 0,
    sizeBytes,
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
  };
}

/** The text of the attribute `service.name`. The bytes have been found well-formed, and in order. */
function serviceIn(bytes: Buffer, start: number, end: number): string {
  const reader = new ProtobufReader(bytes);
  let service = "unknown";
  each(start, end, 1, (attribute, attributeEnd) => {
    let isName = false;
    each(attribute, attributeEnd, 1, (from, to) => {
      isName = bytes.toString("latin1", from, to) === "service.name";
    });
    if (!isName) return;
    each(attribute, attributeEnd, 2, (value, valueEnd) =>
      each(value, valueEnd, 1, (from, to) => {
        service = bytes.toString("utf8", from, to);
      }),
    );
  });
  return service;

  function each(from: number, to: number, number: number, found: (from: number, to: number) => void): void {
    let at = from;
    while (at < to) {
      reader.at = at;
      const tag = reader.tag(to);
      if (tag !== ((number << 3) | 2)) reader.skip(tag, to);
      else {
        const length = reader.length(to);
        const valueAt = reader.at;
        reader.at += length;
        at = reader.at;
        found(valueAt, at);
        continue;
      }
      at = reader.at;
    }
  }
}
