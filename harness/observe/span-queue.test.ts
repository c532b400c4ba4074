import { expect, test } from "vitest";
import { spanQueue } from "./span-queue.ts";

const line = (text: string): Buffer => Buffer.from(`${text}\n`);
const never = new AbortController().signal;
const texts = (lines: readonly Buffer[]): string[] => lines.map((one) => one.toString().trim());

test("an answer that was lost is given again; what was written down is forgotten", async () => {
  const queue = spanQueue("run");
  for (const text of ["a", "b", "c"]) queue.write(line(text), 1);
  const first = await queue.read(0, never);
  expect(texts(first.lines)).toEqual(["a", "b", "c"]);
  queue.write(line("d"), 1);
  expect(texts((await queue.read(0, never)).lines)).toEqual(["a", "b", "c", "d"]);
  const rest = await queue.read(first.next, never);
  expect({ ...rest, lines: texts(rest.lines) }).toEqual({ lines: ["d"], next: 4 });
  expect(queue.close()).toBe(1); // d was not said to be written down
});

test("a reader waits for the first line, and no longer than it wants to", async () => {
  const queue = spanQueue("run");
  const waiting = queue.read(0, never);
  queue.write(line("a"), 1);
  expect(texts((await waiting).lines)).toEqual(["a"]);
  const impatient = new AbortController();
  const none = queue.read(1, impatient.signal);
  impatient.abort();
  expect(await none).toEqual({ lines: [], next: 1 });
});

test("more than it may hold is refused, and room is there again once lines are fetched", async () => {
  const queue = spanQueue("run", 10);
  queue.write(line("1234567"), 3);
  expect(() => queue.write(line("1234567"), 2)).toThrow("8 bytes of spans wait, and nobody fetches them");
  await queue.read(0, never);
  const left = new AbortController();
  left.abort();
  await queue.read(1, left.signal);
  expect(() => queue.write(line("1234567"), 2)).not.toThrow();
});
