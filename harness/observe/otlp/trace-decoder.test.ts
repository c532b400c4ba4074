import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { joinFields, varint } from "./join-fields.ts";
import { encodeRequest, readByProtobufjs } from "./otlp-proto.fixture.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { TraceDecoder } from "./trace-decoder.ts";
import { MalformedRequest } from "./trace-request.ts";
import { traceRequest } from "./trace-schema.ts";

const decoder = new TraceDecoder();

function lineOf(body: Buffer): unknown {
  const { line } = decoder.decode(body);
  const text = line.toString("utf8");
  expect(text.endsWith("\n")).toBe(true);
  expect(text.indexOf("\n")).toBe(text.length - 1);
  return JSON.parse(text);
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom('"\\\b\f\n\r\t\u0000\u001f\u007f\u2028', "https://a/b?c=d", "é€😀"),
);
const uint32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 0xffff_ffff), fc.nat(0xffff_ffff));
const uint64 = fc.oneof(
  fc.constantFrom("1", "999999999", "1000000000", "1700000000123456789", "18446744073709551615"),
  fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }).map(String),
);
const int64 = fc.oneof(
  fc.constantFrom("0", "-1", "9007199254740993", "-9223372036854775808", "9223372036854775807"),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(String),
);
const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((id) => Buffer.from(id));
/** With a byte that is not zero. */
const id = (length: number): fc.Arbitrary<Buffer> =>
  bytes(length).map((of) => (of.every((byte) => byte === 0) ? Buffer.alloc(length, 1) : of));
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ stringValue: text }),
    fc.constant({}),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64 }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 9 }).map((of) => Buffer.from(of)) }),
    fc.record({ stringValueStrindex: fc.nat() }),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie("value"), { maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: fc.array(tie("pair"), { maxLength: 3 }) }) }),
  ),
  pair: fc.record({ key: text, value: tie("value") }, { requiredKeys: [] }),
}));
const attributes = fc.array(values.pair, { maxLength: 4 });
const span = fc.record(
  {
    traceId: id(16),
    spanId: id(8),
    startTimeUnixNano: uint64,
    traceState: text,
    parentSpanId: fc.oneof(bytes(8), bytes(0)),
    flags: uint32,
    name: text,
    kind: fc.constantFrom(0, 1, 2, 3, 4, 5),
    endTimeUnixNano: uint64,
    attributes,
    droppedAttributesCount: uint32,
    events: fc.array(
      fc.record(
        { timeUnixNano: uint64, name: text, attributes, droppedAttributesCount: uint32 },
        { requiredKeys: [] },
      ),
      { maxLength: 2 },
    ),
    droppedEventsCount: uint32,
    links: fc.array(
      fc.record(
        {
          traceId: bytes(16),
          spanId: bytes(8),
          traceState: text,
          attributes,
          droppedAttributesCount: uint32,
          flags: uint32,
        },
        { requiredKeys: [] },
      ),
      { maxLength: 2 },
    ),
    droppedLinksCount: uint32,
    status: fc.record({ message: text, code: fc.constantFrom(0, 1, 2) }, { requiredKeys: [] }),
  },
  { requiredKeys: ["traceId", "spanId", "startTimeUnixNano"] },
);
const entityRefs = fc.array(fc.record({ type: text, idKeys: fc.array(text, { maxLength: 2 }) }), {
  maxLength: 2,
});
const request = fc.record({
  resourceSpans: fc.array(
    fc.record(
      {
        resource: fc.record({ attributes, droppedAttributesCount: uint32, entityRefs }, { requiredKeys: [] }),
        scopeSpans: fc.array(
          fc.record(
            {
              scope: fc.record(
                { name: text, version: text, attributes, droppedAttributesCount: uint32 },
                { requiredKeys: [] },
              ),
              spans: fc.array(span, { maxLength: 3 }),
              schemaUrl: text,
            },
            { requiredKeys: [] },
          ),
          { maxLength: 2 },
        ),
        schemaUrl: text,
      },
      { requiredKeys: [] },
    ),
    { maxLength: 2 },
  ),
});

test("whatever a request holds, the line says what protobufjs reads", () => {
  fc.assert(
    fc.property(request, (sent) => {
      const body = encodeRequest(sent);
      expect(lineOf(body)).toStrictEqual(readByProtobufjs(body));
    }),
    { numRuns: 300 },
  );
});

test("a request cut at any byte is what protobufjs makes of it, or malformed", () => {
  fc.assert(
    fc.property(request, fc.nat(), (sent, cut) => {
      const body = encodeRequest(sent);
      agree(body.subarray(0, cut % (body.length + 1)));
    }),
    { numRuns: 300 },
  );
});

test("flipped bits give a line that protobufjs agrees with, or a malformed request; nothing else", () => {
  fc.assert(
    fc.property(request, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (sent, flips) => {
      const body = encodeRequest(sent);
      if (body.length === 0) return;
      for (const flip of flips) {
        const at = (flip >>> 3) % body.length;
        body[at] = (body[at] as number) ^ (1 << (flip & 7));
      }
      agree(body);
    }),
    { numRuns: 1_000 },
  );
});

test("a varint may be longer than it need be, up to ten bytes", () => {
  for (let length = 1; length <= 10; length += 1) {
    const yes = Buffer.from([...Array.from({ length: length - 1 }, () => 0x81), 0x01]);
    const value = wrap(2, Buffer.concat([Buffer.of(0x10), yes]));
    const attribute = wrap(1, Buffer.concat([wrap(1, Buffer.from("key")), value]));
    agree(wrap(1, wrap(1, attribute)));
  }
});

test("bytes that are no request at all are taken as protobufjs takes them, or malformed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytesOf) => agree(Buffer.from(bytesOf))),
    { numRuns: 3_000 },
  );
});

test("fields in any order, and lists with others between, are what protobufjs reads", () => {
  const scattered = fc
    .tuple(
      fc.array(request, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(), { minLength: 50, maxLength: 50 }),
    )
    .map(([sent, picks]) => scatter(Buffer.concat(sent.map(encodeRequest)), picks));
  fc.assert(
    fc.property(scattered, (body) => {
      expect(lineOf(body)).toStrictEqual(readByProtobufjs(body));
    }),
    { numRuns: 200 },
  );
});

test("a message in pieces is joined, the last of a plain field counts, and the last of those of which one is set", () => {
  const status = Buffer.concat([
    wrap(15, Buffer.concat([wrap(2, Buffer.from("first")), Buffer.of(0x18, 1)])),
    wrap(15, Buffer.of(0x18, 2)),
  ]);
  const value = Buffer.concat([
    wrap(1, Buffer.from("text")),
    wrap(5, wrap(1, Buffer.of())),
    Buffer.of(0x18, 7),
  ]);
  const attribute = wrap(
    9,
    Buffer.concat([wrap(1, Buffer.from("a")), wrap(1, Buffer.from("b")), wrap(2, value)]),
  );
  const span = Buffer.concat([
    attribute,
    status,
    wrap(1, placed.traceId),
    wrap(2, placed.spanId),
    Buffer.of(0x39, 1, 0, 0, 0, 0, 0, 0, 0),
    attribute,
  ]);
  const pieces = [
    wrap(
      1,
      wrap(1, Buffer.concat([wrap(1, Buffer.from("service.name")), wrap(2, wrap(1, Buffer.from("x")))])),
    ),
    wrap(2, wrap(2, span)),
    wrap(1, wrap(1, wrap(1, Buffer.from("more")))),
  ];
  const body = wrap(1, Buffer.concat(pieces));
  const told = { key: "b", value: { intValue: "7" } };
  expect(lineOf(body)).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "x" } }, { key: "more" }] },
        scopeSpans: [
          {
            spans: [
              {
                attributes: [told, told],
                status: { message: "first", code: 2 },
                traceId: "ab".repeat(16),
                spanId: "cd".repeat(8),
                startTimeUnixNano: "1",
              },
            ],
          },
        ],
      },
    ],
  });
  expect(decoder.decode(body).batches).toMatchObject([{ service: "x", spans: 1 }]);
});

const placed = {
  traceId: Buffer.alloc(16, 0xab),
  spanId: Buffer.alloc(8, 0xcd),
  startTimeUnixNano: "1700000000000000001",
};

function requestOf(service: string, ...spans: readonly object[]): object {
  const attributes = [{ key: "service.name", value: { stringValue: service } }];
  return { resource: { attributes }, scopeSpans: [{ spans }] };
}

test("of a value that is two things the last counts, in a request that is in order otherwise", () => {
  const value = Buffer.concat([wrap(1, Buffer.from("text")), Buffer.of(0x18, 7)]);
  const attribute = wrap(1, Buffer.concat([wrap(1, Buffer.from("a")), wrap(2, value)]));
  expect(lineOf(wrap(1, wrap(1, attribute)))).toEqual({
    resourceSpans: [{ resource: { attributes: [{ key: "a", value: { intValue: "7" } }] } }],
  });
});

test("ids are hex, 64-bit numbers text, enums numbers, bytes base64, and what has its default is left out", () => {
  const attributes = [
    { key: "none" },
    { key: "empty", value: { stringValue: "" } },
    { key: "int", value: { intValue: "-3" } },
    { key: "double", value: { doubleValue: -0.5 } },
    { key: "no number", value: { doubleValue: Number.NaN } },
    { key: "bytes", value: { bytesValue: Buffer.from([1, 2, 3]) } },
    { key: "list", value: { arrayValue: { values: [{ boolValue: false }] } } },
  ];
  const one = { ...placed, kind: 2, flags: 0x101, status: { code: 2 }, attributes };
  const { line } = decoder.decode(encodeRequest({ resourceSpans: [{ scopeSpans: [{ spans: [one] }] }] }));
  expect(line.toString()).toBe(
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abababababababababababababababab",' +
      '"spanId":"cdcdcdcdcdcdcdcd","kind":2,"startTimeUnixNano":"1700000000000000001","attributes":[' +
      '{"key":"none"},{"key":"empty","value":{"stringValue":""}},{"key":"int","value":{"intValue":"-3"}},' +
      '{"key":"double","value":{"doubleValue":-0.5}},{"key":"no number","value":{"doubleValue":"NaN"}},' +
      '{"key":"bytes","value":{"bytesValue":"AQID"}},' +
      '{"key":"list","value":{"arrayValue":{"values":[{"boolValue":false}]}}}],' +
      '"status":{"code":2},"flags":257}]}]}]}\n',
  );
});

test("spans, bytes and what senders dropped are counted by service", () => {
  const dropping = {
    ...placed,
    droppedAttributesCount: 1,
    droppedEventsCount: 20,
    droppedLinksCount: 300,
    events: [{ name: "e", droppedAttributesCount: 2 }],
    links: [{ droppedAttributesCount: 3 }],
  };
  const body = encodeRequest({
    resourceSpans: [requestOf("order", placed, dropping), requestOf("payment", placed), { scopeSpans: [{}] }],
  });
  const { batches } = decoder.decode(body);
  expect(batches).toMatchObject([
    { service: "order", spans: 2, droppedAttributes: 6, droppedEvents: 20, droppedLinks: 300 },
    { service: "payment", spans: 1, droppedAttributes: 0 },
    { service: "unknown", spans: 0 },
  ]);
  // Each has a tag and a length before it, which is of two bytes from 128 on.
  const framed = batches.reduce((sum, { sizeBytes }) => sum + sizeBytes + (sizeBytes < 128 ? 2 : 3), 0);
  expect(framed).toBe(body.length);
});

test("spans that cannot be placed are left out and counted; the others stay", () => {
  const unplacedSpans = [
    { ...placed, traceId: Buffer.alloc(16) },
    { ...placed, traceId: Buffer.alloc(8, 1) },
    { ...placed, spanId: Buffer.alloc(0) },
    { ...placed, startTimeUnixNano: "0" },
  ];
  const resourceSpans = [requestOf("order", ...unplacedSpans, { ...placed, name: "kept" }, ...unplacedSpans)];
  const { line, batches, rejected } = decoder.decode(encodeRequest({ resourceSpans }));
  expect(rejected).toMatchObject({
    spans: 8,
    why: expect.stringContaining("trace id of 16 bytes") as string,
  });
  expect(batches).toMatchObject([{ service: "order", spans: 1 }]);
  expect(JSON.parse(line.toString())).toMatchObject({
    resourceSpans: [{ scopeSpans: [{ spans: [{ name: "kept" }] }] }],
  });
  expect(line.toString().match(/traceId/g)).toHaveLength(1);
});

test("what is no UTF-8 is replaced, and costs nothing else", () => {
  const body = encodeRequest({ resourceSpans: [requestOf("order", { ...placed, name: "AAAA" })] });
  body.write("\xc3A\xffA", body.indexOf("AAAA"), "latin1");
  const { line } = decoder.decode(body);
  expect(line.toString("utf8")).toContain('"name":"\ufffdA\ufffdA"');
});

function wrap(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(content.length), content]);
}

function nested(depth: number): Buffer {
  let value: Buffer = Buffer.of();
  for (let level = 0; level < depth; level += 1) value = wrap(5, wrap(1, value));
  return wrap(1, wrap(1, wrap(1, wrap(2, value))));
}

test("values may be nested 40 deep, not 1,000, in whatever order they come", () => {
  expect(lineOf(nested(40))).toStrictEqual(readByProtobufjs(nested(40)));
  expect(() => decoder.decode(nested(1_000))).toThrow("nested deeper than 100 messages");
  const [piece, between] = [wrap(1, Buffer.of()), wrap(2, Buffer.of())];
  const scattered = wrap(1, Buffer.concat([piece, between, piece]));
  expect(() => decoder.decode(Buffer.concat([scattered, nested(1_000)]))).toThrow("nested deeper than 100");
});

test.each([
  ["a length beyond the end", [0x0a, 0x05, 0x00], "longer than what it is in"],
  ["a length of more than 32 bits", [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "longer than what it is in"],
  ["a varint that does not end", [0x10, 0x80], "cut off"],
  ["a varint of eleven bytes", [0x10, ...Array<number>(10).fill(0x80), 0x00], "more than 64 bits"],
  ["a varint of 65 bits", [0x10, ...Array<number>(9).fill(0x80), 0x02], "more than 64 bits"],
  ["field number 0", [0x02, 0x00], "expected a field"],
  ["wire type 6", [0x16], "wire type 6"],
  [
    "a list that is a number",
    [0x08, 0x01],
    "field 1 of ExportTraceServiceRequest has wire type 0, expected 2",
  ],
  ["a group that does not end", [0x13, 0x08, 0x01], "cut off"],
  ["a group that another one ends", [0x13, 0x1c], "a group that did not begin"],
  ["an unknown field that is cut", [0x11, 0x00, 0x00], "cut off"],
])("%s is malformed", (_, bytesOf, says) => {
  expect(() => decoder.decode(Buffer.from(bytesOf))).toThrow(MalformedRequest);
  expect(() => decoder.decode(Buffer.from(bytesOf))).toThrow(says);
});

test("unknown fields of every wire type are skipped", () => {
  const unknown = [0x10, 0x96, 0x01, 0x19, ...Array<number>(8).fill(1), 0x22, 0x01, 0x41, 0x2d, 1, 1, 1, 1];
  const group = [0x33, 0x08, 0x01, 0x3b, 0x3c, 0x34];
  const body = Buffer.concat([Buffer.from([...unknown, ...group]), encodeRequest({ resourceSpans: [{}] })]);
  expect(lineOf(body)).toEqual({ resourceSpans: [{}] });
});

test("a long string grows the line, and the next one is whole", () => {
  const name = "x".repeat(300_000);
  for (const service of ["first", "second"]) {
    const body = encodeRequest({ resourceSpans: [requestOf(service, { ...placed, name })] });
    expect(lineOf(body)).toStrictEqual(readByProtobufjs(body));
  }
});

/** What we take, protobufjs takes too, and reads the same; spans that cannot be placed aside. */
function agree(body: Buffer): void {
  let taken;
  try {
    taken = decoder.decode(body);
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedRequest);
    return;
  }
  const line: unknown = JSON.parse(taken.line.toString("utf8"));
  // Decoders differ in how they replace what is no UTF-8; and protobufjs does not join a message in pieces.
  const read = [readByProtobufjs(body), readByProtobufjs(joinFields(body, traceRequest))];
  if (taken.rejected === undefined && !taken.line.includes("\ufffd"))
    expect(read.some((one) => isDeepStrictEqual(one, line))).toBe(true);
}

/** The same fields in another order, down to those of spans: deeper, a text could be taken for a message. */
function scatter(body: Buffer, picks: readonly number[], depth = 0): Buffer {
  const fields: Buffer[] = [];
  const reader = new ProtobufReader(body);
  while (reader.at < body.length) {
    const start = reader.at;
    const tag = reader.tag(body.length);
    const valueAt = reader.at;
    reader.skip(tag, body.length);
    if (depth < 3 && tag === (depth === 0 ? 0x0a : 0x12)) {
      const content = new ProtobufReader(body);
      content.at = valueAt;
      content.length(body.length);
      fields.push(wrap(tag >>> 3, scatter(body.subarray(content.at, reader.at), picks, depth + 1)));
    } else fields.push(body.subarray(start, reader.at));
  }
  for (let at = fields.length - 1; at > 0; at -= 1) {
    const other = (picks[at % picks.length] as number) % (at + 1);
    [fields[at], fields[other]] = [fields[other] as Buffer, fields[at] as Buffer];
  }
  return Buffer.concat(fields);
}
