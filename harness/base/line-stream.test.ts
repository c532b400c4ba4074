import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { streamLines } from "./line-stream.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-lines-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "lines");

test("lines come as they were written, whatever is in them, and one that does not end says so", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", " "))),
      fc.string({ minLength: 1 }).map((text) => `${text.replaceAll("\n", " ")}.`),
      (whole, cut) => {
        writeFileSync(file, whole.map((line) => `${line}\n`).join("") + cut);
        const lines = [...streamLines(file)];
        expect(lines.map(({ text }) => text)).toEqual([...whole, cut]);
        expect(lines.map(({ isWhole }) => isWhole)).toEqual([...whole.map(() => true), false]);
        expect(lines.at(-1)?.sizeBytes).toBe(Buffer.byteLength(cut));
      },
    ),
    { numRuns: 20 },
  );
});

test("a line longer than the reader's chunk comes whole, or as much of it as is asked for", () => {
  const long = "ä".repeat(1_500_000);
  writeFileSync(file, `first\n${long}\nlast\n`);
  expect([...streamLines(file)].map(({ text, isWhole }) => [text.length, isWhole])).toEqual([
    [5, true],
    [1_500_000, true],
    [4, true],
  ]);
  expect([...streamLines(file, { mostBytes: 8 })].map(({ text, isWhole }) => [text, isWhole])).toEqual([
    ["first", true],
    ["ääää", false],
    ["last", true],
  ]);
});

test("the first line of a file of eight gigabytes is there without the rest", () => {
  writeFileSync(file, "first\n");
  const descriptor = openSync(file, "r+");
  ftruncateSync(descriptor, 8 * 2 ** 30); // a hole: it takes no room on the disk
  closeSync(descriptor);
  for (const { text } of streamLines(file)) {
    expect(text).toBe("first");
    break;
  }
});

test("a file that does not exist has no lines; one that cannot be read is an error", () => {
  expect([...streamLines(join(folder, "none"))]).toEqual([]);
  expect(() => [...streamLines(folder)]).toThrow("cannot read");
});
