import { expect, test } from "vitest";
import { jsonLine } from "./log-line.ts";

const atMs = Date.parse("2026-11-21T14:31:14.917Z");

test.each([
  [
    "pino, as the shop's services are set",
    '{"level":"warn","time":"2026-11-21T14:31:14.917Z","service":"order","trace_id":"48291DAF","span_id":"e6","err":{"type":"CallFailed","message":"gone"},"attempts":2,"msg":"not delivered"}',
    { atMs, level: "warn", message: "not delivered: gone", traceId: "48291daf", fields: { attempts: 2 } },
  ],
  [
    "pino and bunyan, with levels by number and a time in milliseconds",
    `{"level":50,"time":${atMs},"pid":1,"hostname":"h","msg":"boom"}`,
    { atMs, level: "error", message: "boom", fields: {} },
  ],
  [
    "k6, which is logrus",
    '{"error":"no answer","level":"warning","msg":"Request Failed","time":"2026-11-21T14:31:14.917Z"}',
    { atMs, level: "warn", message: "Request Failed: no answer", fields: {} },
  ],
  [
    "zap, whose time is in seconds",
    `{"level":"panic","ts":${atMs / 1_000},"msg":"over","traceId":"ab"}`,
    { atMs, level: "fatal", message: "over", traceId: "ab", fields: {} },
  ],
  [
    "the Elastic schema",
    '{"@timestamp":"2026-11-21T14:31:14.917Z","log.level":"notice","message":"hello","trace.id":"cd"}',
    { atMs, level: "info", message: "hello", traceId: "cd", fields: {} },
  ],
  [
    "one that says nothing but its fields",
    '{"listen":"127.0.0.1:1"}',
    { message: '{"listen":"127.0.0.1:1"}' },
  ],
  [
    "an error that is logged alone: pino makes its message the line's",
    '{"err":{"message":"gone"},"msg":"gone"}',
    { message: "gone" },
  ],
  [
    "an error that quotes its cause, which the logger adds once more",
    '{"err":{"message":"no database: read ECONNRESET: read ECONNRESET"},"msg":"unavailable"}',
    { message: "unavailable: no database: read ECONNRESET" },
  ],
])("%s", (_, text, expected) => {
  expect(jsonLine(text)).toMatchObject({ form: "json", ...expected, content: JSON.parse(text) as object });
});

test.each(["", "ready", "[1]", "null", '{"msg":"cut o', "{}x"])("%j is no record", (text) => {
  expect(jsonLine(text)).toBeUndefined();
});

test("what cannot be read of a record is left out, and the rest stays", () => {
  expect(jsonLine('{"time":"yesterday","level":"loud","msg":7,"err":null,"trace_id":12,"deep":{}}')).toEqual({
    form: "json",
    message: '{"time":"yesterday","level":"loud","msg":7,"err":null,"trace_id":12,"deep":{}}',
    fields: {},
    content: { time: "yesterday", level: "loud", msg: 7, err: null, trace_id: 12, deep: {} },
  });
});
