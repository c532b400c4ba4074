import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeSpans, readSpans } from "./otlp.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";

/** As `@opentelemetry/exporter-trace-otlp-http` writes it. */
const request = {
  resourceSpans: [
    {
      resource: {
        attributes: [{ key: "service.name", value: { stringValue: "order" } }],
        droppedAttributesCount: 0,
      },
      scopeSpans: [
        {
          scope: { name: "@opentelemetry/instrumentation-http", version: "0.223.0" },
          spans: [
            {
              traceId,
              spanId: "b7ad6b7169203331",
              parentSpanId: "00f067aa0ba902b7",
              name: "POST",
              kind: 3,
              startTimeUnixNano: "1700000000123456789",
              endTimeUnixNano: "1700000000223456789",
              attributes: [
                { key: "server.port", value: { intValue: 40123 } },
                { key: "http.response.status_code", value: { intValue: "503" } },
                { key: "url.full", value: { stringValue: "http://127.0.0.1:40123/payments" } },
                { key: "share", value: { doubleValue: 0.5 } },
                { key: "retried", value: { boolValue: true } },
                { key: "tried", value: { arrayValue: { values: [{ stringValue: "a" }, { intValue: 2 }] } } },
              ],
              droppedAttributesCount: 0,
              events: [{ name: "retry", timeUnixNano: "1700000000150000000", attributes: [] }],
              droppedEventsCount: 0,
              status: { code: 2, message: "no answer" },
              links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: [] }],
              droppedLinksCount: 0,
            },
          ],
        },
      ],
    },
  ],
};

test("a span comes out with times in milliseconds, its kind by name and its numbers as numbers", () => {
  const [span, ...more] = decodeSpans(request);
  expect(more).toEqual([]);
  expect(span).toEqual({
    traceId,
    spanId: "b7ad6b7169203331",
    parentSpanId: "00f067aa0ba902b7",
    service: "order",
    name: "POST",
    kind: "client",
    startMs: expect.closeTo(1_700_000_000_123.4568, 3) as number,
    endMs: expect.closeTo(1_700_000_000_223.4568, 3) as number,
    isError: true,
    statusMessage: "no answer",
    attributes: {
      "server.port": 40_123,
      "http.response.status_code": 503,
      "url.full": "http://127.0.0.1:40123/payments",
      share: 0.5,
      retried: true,
      tried: "a, 2",
    },
    links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }],
    events: [{ name: "retry", atMs: expect.closeTo(1_700_000_000_150, 3) as number }],
  });
});

function decodeOne(span: Record<string, unknown>) {
  const base = { traceId, spanId: "b7ad6b7169203331", startTimeUnixNano: "1700000000000000000" };
  return decodeSpans({ resourceSpans: [{ scopeSpans: [{ spans: [{ ...base, ...span }] }] }] })[0];
}

test("a span with only ids and a start has no parent, no length and an unknown service", () => {
  expect(decodeOne({})).toEqual({
    traceId,
    spanId: "b7ad6b7169203331",
    parentSpanId: undefined,
    service: "unknown",
    name: "",
    kind: "internal",
    startMs: 1_700_000_000_000,
    endMs: 1_700_000_000_000,
    isError: false,
    statusMessage: undefined,
    attributes: {},
    links: [],
    events: [],
  });
});

test("kinds and status codes may be written by name, as protobuf's own mapping does", () => {
  expect(decodeOne({ kind: "SPAN_KIND_CONSUMER", status: { code: "STATUS_CODE_ERROR" } })).toMatchObject({
    kind: "consumer",
    isError: true,
  });
});

test("ids are lower case, and one of zeros or of no digits is none", () => {
  expect(decodeOne({ traceId: traceId.toUpperCase(), parentSpanId: "0".repeat(16) })).toMatchObject({
    traceId,
    parentSpanId: undefined,
  });
  expect(decodeOne({ parentSpanId: "" })?.parentSpanId).toBeUndefined();
});

test.each(["traceId", "spanId", "startTimeUnixNano"])("a span without %s is skipped", (field) => {
  expect(decodeOne({ [field]: undefined })).toBeUndefined();
});

test("whatever JSON it is given, decoding does not throw", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => decodeSpans(value).length === 0));
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      decodeSpans({ resourceSpans: [{ resource: value, scopeSpans: [{ spans: [value] }] }, value] });
      decodeOne({ attributes: value, links: value, events: value, status: value, kind: value, name: value });
    }),
  );
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-otlp-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a file cut anywhere in its last line still gives the lines before", () => {
  const file = join(folder, "cut.jsonl");
  const line = `${JSON.stringify(request)}\n`;
  for (const kept of [1, 100, line.length - 1]) {
    writeFileSync(file, line + line);
    truncateSync(file, Buffer.byteLength(line) + kept);
    expect(readSpans(file)).toHaveLength(1);
  }
  writeFileSync(file, line + line);
  expect(readSpans(file)).toHaveLength(2);
});

test("a file that does not exist has no spans", () => {
  expect(readSpans(join(folder, "none.jsonl"))).toEqual([]);
});
