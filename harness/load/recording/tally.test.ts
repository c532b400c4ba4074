import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completionSchema } from "../../record/history.ts";
import {
  createTally,
  mergeTallies,
  tallyFromJSON,
  tallyJsonSchema,
  type Ended,
  type Tally,
} from "./tally.ts";

const ended: fc.Arbitrary<Ended> = fc
  .record({
    completion: fc.constantFrom(...completionSchema.options),
    kind: fc.constantFrom("http-503", "timeout", "check"),
    waitedMs: fc.option(fc.double({ min: 0, max: 5_000, noNaN: true })),
    tookMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
  })
  .map(({ completion, kind, waitedMs, tookMs }) => ({
    intendedMs: 1_000,
    ...(waitedMs === null ? {} : { sentMs: 1_000 + waitedMs }),
    endedMs: 1_000 + (waitedMs ?? 0) + tookMs,
    completion,
    ...(completion === "ok" ? {} : { error: { kind, message: "" } }),
  }));
const list = fc.array(ended, { maxLength: 40 });

function tallyOf(all: readonly Ended[]): Tally {
  const tally = createTally();
  for (const one of all) tally.add(one);
  return tally;
}

it("counts completions and kinds of error, and times from the intended and from the real start", () => {
  const tally = tallyOf([
    { intendedMs: 100, sentMs: 110, endedMs: 130, completion: "ok" },
    {
      intendedMs: 100,
      sentMs: 100,
      endedMs: 600,
      completion: "unknown",
      error: { kind: "timeout", message: "" },
    },
    { intendedMs: 100, endedMs: 900, completion: "fail", error: { kind: "not-sent", message: "" } },
  ]);
  expect(tally.counts).toEqual({ ok: 1, fail: 1, unknown: 1 });
  expect(tally.total).toBe(3);
  expect([...tally.errors]).toEqual([
    ["timeout", 1],
    ["not-sent", 1],
  ]);
  // What was never sent took no time of the target's.
  expect(tally.latency).toMatchObject({ count: 2, minMs: 30, maxMs: 500 });
  expect(tally.service).toMatchObject({ count: 2, minMs: 20, maxMs: 500 });
});

it("an end before its start, by the last digit of a clock, took no time", () => {
  const tally = tallyOf([{ intendedMs: 1.001, sentMs: 1.001, endedMs: 1, completion: "ok" }]);
  expect(tally.latency.maxMs).toBe(0);
});

describe("tallies", () => {
  const asText = (tally: Tally): unknown => {
    const { errors, ...json } = tally.toJSON();
    return { ...json, errors: Object.entries(errors ?? {}).sort() };
  };

  it("add up to that of all operations, in any order", () => {
    fc.assert(
      fc.property(list, list, list, (a, b, c) => {
        const union = asText(tallyOf([...a, ...b, ...c]));
        expect(asText(mergeTallies([tallyOf(a), tallyOf(b), tallyOf(c)]))).toEqual(union);
        expect(asText(mergeTallies([tallyOf(c), mergeTallies([tallyOf(b), tallyOf(a)])]))).toEqual(union);
      }),
    );
  });

  it("are whole when they are read again", () => {
    fc.assert(
      fc.property(list, (all) => {
        const tally = tallyOf(all);
        const read = tallyFromJSON(tallyJsonSchema.parse(JSON.parse(JSON.stringify(tally))));
        expect(read.total).toBe(all.length);
        expect(asText(read)).toEqual(asText(tally));
      }),
    );
  });
});
