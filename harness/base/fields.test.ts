import { expect, test } from "vitest";
import type { z } from "zod";
import { byteRate, duration, edge, fields, nameOf, oneKeyOf, rate, ratio, size } from "./fields.ts";

function messagesOf(schema: z.ZodType, value: unknown): readonly string[] {
  return schema.safeParse(value).error?.issues.map(({ message }) => message) ?? [];
}

test("quantities are held in the unit that code counts in", () => {
  expect(duration().parse("1.5s")).toBe(1_500);
  expect(size().parse("64KB")).toBe(64_000);
  expect(rate().parse("90/m")).toBe(1.5);
  expect(byteRate().parse("100KB/s")).toBe(100_000);
  expect(ratio().parse("99.5%")).toBe(0.995);
});

test.each([
  [duration(), 200, 'expected a duration such as "200ms"'],
  [duration(), "200", 'expected a duration such as "200ms"'],
  [size(), "64kb", 'expected a size such as "64KB"'],
  [rate(), "60", 'expected a rate such as "60/s"'],
  [byteRate(), "100KB", 'expected a data rate such as "100KB/s"'],
  [ratio(), "0.5", 'expected a share from "0%" to "100%"'],
] as const)("a quantity without its unit is refused (%#)", (schema, given, message) => {
  expect(messagesOf(schema, given)).toEqual([message]);
});

test("a bound is told in the unit of the field", () => {
  const schema = duration({ atLeast: 1_000, atMost: 3_600_000 });
  expect(messagesOf(schema, "0s")).toEqual(["expected at least 1 s and at most 60 min"]);
  expect(messagesOf(schema, "2h")).toEqual(["expected at least 1 s and at most 60 min"]);
  expect(schema.parse("1h")).toBe(3_600_000);
});

test("an edge is read with or without spaces, and must be a known one", () => {
  const known = [{ caller: "order", callee: "payment" }];
  expect(edge(known).parse("order->payment")).toEqual(known[0]);
  expect(edge(undefined).parse("a -> b")).toEqual({ caller: "a", callee: "b" });
  expect(messagesOf(edge(known), "order -> paymet")).toEqual([
    'unknown edge "order -> paymet", did you mean "order -> payment"?',
  ]);
});

test("a name that is near none is answered with those there are", () => {
  expect(messagesOf(nameOf("journey", ["browse", "buy"]), "checkout")).toEqual([
    'unknown journey "checkout", expected one of browse, buy',
  ]);
  expect(messagesOf(nameOf("journey", []), "checkout")).toEqual([
    'unknown journey "checkout": there is none',
  ]);
});

test("a mapping of one key takes exactly one", () => {
  const schema = oneKeyOf({ wait: fields({ for: duration() }), stop: fields({}) });
  expect(schema.parse({ wait: { for: "1s" } })).toEqual({ for: 1_000 });
  expect(messagesOf(schema, {})).toEqual(["expected exactly one of wait, stop"]);
  expect(messagesOf(schema, { wait: { for: "1s" }, stop: {} })).toEqual([
    "expected exactly one of wait, stop",
  ]);
});
