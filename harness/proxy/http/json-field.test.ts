import { expect, it } from "vitest";
import { replaceField } from "./json-field.ts";

const replaced = (text: string, pointer: string, value: unknown): string | undefined =>
  replaceField(Buffer.from(text), pointer, value)?.toString();

it.each<[string, string, unknown, string]>([
  ['{"a": 1.50, "é": [ ] }', "/a", 2, '{"a": 2, "é": [ ] }'],
  ['{"é":"ü", "b" : 1}', "/b", "ü", '{"é":"ü", "b" : "ü"}'],
  ["[1, [2, 3]]", "/1/0", null, "[1, [null, 3]]"],
  ['{"a/b":{"~":1}}', "/a~1b/~0", 2, '{"a/b":{"~":2}}'],
  ['{"":1}', "/", 2, '{"":2}'],
  ['{"a":1,"a":2}', "/a", 3, '{"a":1,"a":3}'],
])("%s at %s becomes %j and nothing else changes", (text, pointer, value, expected) => {
  expect(replaced(text, pointer, value)).toBe(expected);
});

it.each<[string, string, unknown]>([
  ['{"a":1}', "/b", 2],
  ['{"a":1}', "/a/b", 2],
  ["[1]", "/01", 2],
  ["[1]", "/1", 2],
  ['{"a":1}', "/a", 1],
  ['{"a":1', "/a", 2],
  ['{"a":1 /* why */}', "/a", 2],
  ["", "/a", 2],
  ["[".repeat(500_000), "/0", 2],
])("%.20s at %s to %j changes nothing", (text, pointer, value) => {
  expect(replaced(text, pointer, value)).toBeUndefined();
});

it("bytes that are no UTF-8 are left alone", () => {
  expect(replaceField(Buffer.from('{"a":1,"b":"\xff"}', "latin1"), "/a", 2)).toBeUndefined();
});
