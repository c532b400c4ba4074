import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogLine } from "./log-line.ts";
import { mergeByTime } from "./merge-by-time.ts";

function lineOf(instance: string, message: string, atMs?: number): LogLine {
  return {
    ...{ instance, service: instance, form: "json", message, fields: {}, content: {} },
    ...(atMs === undefined ? {} : { atMs }),
  };
}

const log = fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }), { maxLength: 12 });

test("several logs come as one: nothing lost, each in its own order, by time where the clocks went forward", () => {
  fc.assert(
    fc.property(fc.array(log, { maxLength: 5 }), (times) => {
      const logs = times.map((ofOne, at) => ofOne.map((atMs, index) => lineOf(`${at}`, `${index}`, atMs)));
      const merged = [...mergeByTime(logs)];
      expect(merged).toHaveLength(logs.flat().length);
      logs.forEach((ofOne, at) =>
        expect(merged.filter(({ instance }) => instance === `${at}`)).toEqual(ofOne),
      );
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer({ min: 0, max: 20 }))), (times) => {
      const logs = times.map((ofOne, at) =>
        ofOne.sort((a, b) => a - b).map((atMs, index) => lineOf(`${at}`, `${index}`, atMs)),
      );
      // Of the same time, the first log's first: what a stable sort of all of them gives.
      expect([...mergeByTime(logs)]).toEqual(logs.flat().sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0)));
    }),
  );
});

test("it holds one line of each log, and closes what it does not read to its end", () => {
  let read = 0;
  let closed = 0;
  function* endless(instance: string): Generator<LogLine> {
    try {
      for (;;) yield lineOf(instance, "again", (read += 1));
    } finally {
      closed += 1;
    }
  }
  let taken = 0;
  for (const line of mergeByTime([endless("a"), endless("b")])) {
    expect(line.message).toBe("again");
    if ((taken += 1) === 10) break;
  }
  expect(read).toBe(11);
  expect(closed).toBe(2);
});
