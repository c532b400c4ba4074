import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogLine } from "./log-line.ts";
import { noveltySince } from "./novelty.ts";
import { tallyPatterns } from "./pattern-tally.ts";

const line = (message: string, atMs?: number, more: Partial<LogLine> = {}): LogLine => ({
  ...{ instance: "order", service: "order", form: "json", level: "warn", fields: {}, content: {} },
  message,
  ...(atMs === undefined ? {} : { atMs }),
  ...more,
});

test("a line is new when nothing like it was said before the moment", () => {
  const novelty = noveltySince(100);
  expect(novelty.isNew(line("order 1 was slow", 10))).toBe(false);
  expect(novelty.isNew(line("of no known time"))).toBe(false);
  expect(novelty.isNew(line("order 2 was slow", 100))).toBe(false);
  expect(novelty.isNew(line("of no known time", 101))).toBe(false);
  expect(novelty.isNew(line("order 2 was lost", 102))).toBe(true);
  expect(novelty.isNew(line("order 3 was lost", 103))).toBe(true);
});

test("the same words are news from another service, or at another level; not from another replica", () => {
  const novelty = noveltySince(100);
  novelty.isNew(line("slow", 10));
  expect(novelty.isNew(line("slow", 110, { service: "user", instance: "user" }))).toBe(true);
  expect(novelty.isNew(line("slow", 110, { level: "error" }))).toBe(true);
  expect(novelty.isNew(line("slow", 110, { instance: "order-2" }))).toBe(false);
});

test("what is said before and after alike is never new, whatever its numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(), fc.uuid()), { minLength: 1 }), (said) => {
      const novelty = noveltySince(100);
      for (const [before] of said) novelty.isNew(line(`order ${before} took ${before} ms for 0d5af1f6`, 1));
      for (const [, after, id] of said)
        expect(novelty.isNew(line(`order ${after} took ${after} ms for ${id}`, 100))).toBe(false);
    }),
  );
});

test("patterns beyond what is kept are counted, since a line may then pass for new that is not", () => {
  const novelty = noveltySince(100, 2);
  for (const word of ["a", "b", "b", "c", "c"]) novelty.isNew(line(word, 1));
  expect(novelty.forgotten).toBe(2);
  expect(novelty.isNew(line("a", 100))).toBe(false);
  expect(novelty.isNew(line("c", 100))).toBe(true);
});

test("patterns are counted, the most frequent first, with the first line of each", () => {
  const tally = tallyPatterns(2);
  for (const [at, text] of ["b 1", "a 1", "a 2", "c", "a 3", "c"].entries()) tally.add(line(text, at));
  expect(tally.counts.map(({ pattern, count, first }) => [pattern, count, first.message])).toEqual([
    ["a <n>", 3, "a 1"],
    ["b <n>", 1, "b 1"],
  ]);
  expect(tally.uncounted).toBe(2);
});
