import fc from "fast-check";
import { expect, test } from "vitest";
import { patternOf } from "./pattern.ts";

test.each([
  ["order 0d5af1f6-0a63-4a5c-9dd5-1bd6a3c4f0b1 took 1.2 s", "order <id> took <n>"],
  ["connect ECONNREFUSED 127.0.0.1:15158", "connect ECONNREFUSED <n>"],
  ["Server listening at http://127.0.0.1:14770", "Server listening at http://<n>"],
  ["database system was shut down at 2026-11-21 14:26:37 UTC", "database system was shut down at <time>"],
  ["at 2026-11-21T14:26:37.123Z, not 2026-11-21", "at <time>, not <time>"],
  ['relation "orders" does not exist', 'relation "…" does not exist'],
  ["can't find 'it' in `there`, don't ask", "can't find '…' in \"…\", don't ask"],
  ['a quote that "never ends', 'a quote that "never ends'],
  ["user-017 <user-017@shop.example>", "user-<n> <<address>>"],
  ["worker12 of gateway-2 over http2", "worker<n> of gateway-<n> over http<n>"],
  ["trace 48291dafc855a57c9b9d043727f3d2e8 and k3x9q", "trace <id> and <id>"],
  ["products p-0001, p-0002, p-0003", "products p-<n>, p-<n>, p-<n>"],
  ["rows 1, 2, 3 and 4", "rows <n>, … and <n>"],
  ["rows 7 and 4", "rows <n> and <n>"],
  ["payment answered 503 after 3 tries", "payment answered 503 after <n> tries"],
  ["took 503 tries", "took <n> tries"],
  ["over\n  two   lines\t", "over two lines"],
])("%j is of the pattern %j", (message, pattern) => {
  expect(patternOf(message)).toBe(pattern);
});

const word = fc
  .stringMatching(/^[a-z]{1,9}$/)
  .filter((text) => !/^(?:answered|status|code|http)$/.test(text));
const number = fc.oneof(
  fc.nat(),
  fc.integer(),
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map((value) => value.toFixed(2)),
);
const quoted = fc.stringMatching(/^[^"\\\n]{0,12}$/).map((text) => `"${text}"`);
const time = fc
  .date({ min: new Date("1990-01-01"), max: new Date("2090-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());
const traceId = fc.stringMatching(/^[0-9a-f]{31}$/).map((text) => `${text}0`);

/** What differs each time, and what stays. */
const part = fc.constantFrom("word", "number", "quoted", "time", "uuid", "traceId");
const variable = { number, quoted, time, uuid: fc.uuid(), traceId };

test("two messages that differ in numbers, ids, times and quoted values are of one pattern", () => {
  const twice = fc
    .array(part, { minLength: 1, maxLength: 8 })
    .chain((parts) =>
      fc.tuple(
        ...parts.map((kind) =>
          kind === "word" ? word.map((text) => [text, text]) : fc.tuple(variable[kind], variable[kind]),
        ),
      ),
    );
  fc.assert(
    fc.property(twice, (pairs) => {
      const [one, other] = [0, 1].map((side) => pairs.map((pair) => String(pair[side])).join(" "));
      expect(patternOf(one ?? "")).toBe(patternOf(other ?? ""));
    }),
    { numRuns: 500 },
  );
});

test("two messages that differ in a word are of two", () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), fc.nat(), word, (words, at, other) => {
      const index = at % words.length;
      fc.pre(words[index] !== other);
      expect(patternOf(words.join(" "))).not.toBe(patternOf(words.with(index, other).join(" ")));
    }),
  );
});

test("no digit is left in a pattern, and no more than 300 letters", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."ab1 -.\"'`@:,") }),
  );
  fc.assert(
    fc.property(text, (any) => {
      expect(patternOf(any)).not.toMatch(/\d/);
      expect(patternOf(any.repeat(50)).length).toBeLessThanOrEqual(300);
    }),
    { numRuns: 500 },
  );
});

test.each(['"', "'", "`", "1", "a1", "1:", "a@", "-", "x", "2026-11-21 ", "<n>,"])(
  "a megabyte of %j takes no longer than it should",
  (unit) => {
    const startedMs = performance.now();
    patternOf(unit.repeat(1_000_000 / unit.length));
    // Milliseconds; what backtracks takes minutes.
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  },
);
