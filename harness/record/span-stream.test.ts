import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSpans } from "./otlp.ts";
import { streamSpans } from "./span-stream.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-spans-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function line(index: number, name: string): string {
  const span = {
    traceId: "a".repeat(32),
    spanId: index.toString(16).padStart(16, "1"),
    name,
    startTimeUnixNano: "1700000000000000000",
  };
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
}

function streamed(file: string) {
  const stream = streamSpans(file);
  const names: string[] = [];
  for (let next = stream.next(); ; next = stream.next()) {
    if (next.done === true) return { names, loss: next.value };
    names.push(next.value.name);
  }
}

test("lines that lie across chunks, and characters too, come out as they are", () => {
  const file = join(folder, "large.jsonl");
  const names = Array.from({ length: 40 }, (_, index) => `${index} ${"ä€😀".repeat(9_001 + index)}`);
  writeFileSync(file, names.map((name, index) => `${line(index, name)}\n`).join(""));
  expect(streamed(file)).toEqual({ names, loss: { invalidLines: 0, cutBytes: 0 } });
  expect(readSpans(file).map(({ name }) => name)).toEqual(names);
});

test("what is no request and what was cut off is counted, and the rest read", () => {
  const file = join(folder, "broken.jsonl");
  writeFileSync(file, `${line(1, "one")}\nno JSON\n[]\n${line(2, "two")}\n{"resourceSp`);
  expect(streamed(file)).toEqual({ names: ["one", "two"], loss: { invalidLines: 1, cutBytes: 12 } });
});

test("a file that does not exist has no spans; one that cannot be read is an error", () => {
  const none = streamed(join(folder, "nowhere"));
  expect(none).toEqual({ names: [], loss: { invalidLines: 0, cutBytes: 0 } });
  expect(() => streamed(folder)).toThrow(expect.objectContaining({ code: "SQUALL_FILE" }) as Error);
});
