import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openJsonl, readJsonl } from "./jsonl.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-jsonl-"));
const identity = (value: unknown): unknown => value;

it("a file cut at any byte reads as the whole lines before the cut", () => {
  const whole = join(folder, "whole.jsonl");
  const lines = [{ a: 1 }, { text: "zwölf 🌩" }, { b: [1, 2] }];
  const writer = openJsonl<unknown>(whole, { durable: true });
  for (const line of lines) writer.append(line);
  writer.close();
  const bytes = readFileSync(whole);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const file = join(folder, "cut.jsonl");
    writeFileSync(file, bytes.subarray(0, cut));
    const wholeLines = bytes.subarray(0, cut).filter((byte) => byte === 0x0a).length;
    const content = readJsonl(file, identity);
    expect(content.lines).toEqual(lines.slice(0, wholeLines));
    expect(content.invalid).toEqual([]);
    expect(content.cutBytes).toBe(cut - (bytes.subarray(0, cut).lastIndexOf(0x0a) + 1));
  }
});

it("a whole line that cannot be parsed is reported with its number, and the rest is read", () => {
  const file = join(folder, "broken.jsonl");
  writeFileSync(file, '{"a":1}\nnot json\n{"a":2}\n');
  const content = readJsonl(file, identity);
  expect(content.lines).toEqual([{ a: 1 }, { a: 2 }]);
  expect(content.invalid.map(({ line }) => line)).toEqual([2]);
});

it("appending to a file whose last line was cut starts a line of its own", () => {
  const file = join(folder, "appended.jsonl");
  writeFileSync(file, '{"a":1}\n{"a":');
  const writer = openJsonl<unknown>(file);
  writer.append({ a: 3 });
  writer.close();
  const content = readJsonl(file, identity);
  expect(content.lines).toEqual([{ a: 1 }, { a: 3 }]);
  expect(content.invalid.map(({ line }) => line)).toEqual([2]);
});

it("a file that does not exist has no lines; a folder is an error", () => {
  expect(readJsonl(join(folder, "none"), identity)).toEqual({ lines: [], cutBytes: 0, invalid: [] });
  expect(() => readJsonl(folder, identity)).toThrow(/cannot read/);
});
