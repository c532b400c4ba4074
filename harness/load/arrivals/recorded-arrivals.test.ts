import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../base/random.ts";
import type { HistoryLine } from "../../record/history.ts";
import { meanRatePerSecond, requireArrivals } from "./arrival-plan.ts";
import { planArrivals } from "./plan-arrivals.ts";
import { arrivalsOfHistory, readRecordedArrivals, repeated } from "./recorded-arrivals.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-arrivals-"));
const fileOf = (name: string, content: string): string => {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
};

describe("the same arrivals are read", () => {
  const expected = [
    { atMs: 0, journey: "buy" },
    { atMs: 250.5, journey: "look" },
    { atMs: 1_000, journey: "buy" },
  ];

  it("from CSV, in any order of lines, and from any zero", () => {
    const file = fileOf("a.csv", "atMs,journey\n 1000, buy\n2000,buy\n1250.5,look\n\n");
    expect(readRecordedArrivals(file)).toEqual(expected);
  });

  it("from JSON lines", () => {
    const lines = expected.map((line) => JSON.stringify(line)).join("\n");
    expect(readRecordedArrivals(fileOf("a.jsonl", lines))).toEqual(expected);
  });

  const history = expected.toReversed().flatMap(({ atMs, journey }, index): HistoryLine[] => {
    const times = { arrival: index, journey, intendedMs: 1.7e12 + atMs, endedMs: 1.7e12 + 5_000 };
    const step = { ...times, intendedMs: 1.7e12 + 99, step: "s", method: "GET", route: "/" };
    return [
      { kind: "operation", ...step, completion: "ok" },
      { kind: "journey", ...times, completion: "ok", operations: 1 },
    ];
  });

  it("from what a run has left: every journey at its intended start", () => {
    const lines = history.map((line) => `${JSON.stringify(line)}\n`).join("");
    expect(readRecordedArrivals(fileOf("history.jsonl", lines))).toEqual(expected);
    expect(arrivalsOfHistory(history)).toEqual(expected);
  });
});

it("where no journey is named, it is drawn from the mix; where one is, that one comes", () => {
  const file = fileOf("some.csv", "atMs,journey\n0,\n1,b\n2,\n");
  const plan = { kind: "replay", file, durationMs: 10 } as const;
  const arrivals = [...planArrivals(createRandom("s"), { ...plan, durationMs: 2 }, { a: 1, b: 0 })];
  expect(arrivals).toEqual([
    { index: 0, atMs: 0, journey: "a" },
    { index: 1, atMs: 1, journey: "b" },
    { index: 2, atMs: 2, journey: "a" },
  ]);
});

describe("a recording that is shorter than the load", () => {
  it("begins again a mean gap after its last arrival", () => {
    const recorded = [{ atMs: 0 }, { atMs: 10 }, { atMs: 40 }];
    expect([...repeated(recorded, 115)].map(({ atMs }) => atMs)).toEqual([0, 10, 40, 60, 70, 100]);
  });

  it("of a single moment comes once", () => {
    expect([...repeated([{ atMs: 0 }, { atMs: 0 }], 1e9)]).toHaveLength(2);
  });

  it("has a mean rate over the whole load", () => {
    const file = fileOf("rate.csv", "atMs\n0\n100\n200\n300\n");
    expect(meanRatePerSecond({ kind: "replay", file, durationMs: 1_000 })).toBeCloseTo(11);
  });
});

describe("what is no recording is refused, naming the line", () => {
  it.each([
    ["no-head.csv", "12,buy\n", 'line 1: expected "atMs" or "atMs,journey", got "12,buy"'],
    ["word.csv", "atMs\n1\nsoon\n", 'line 3: expected atMs, a number of milliseconds, got "soon"'],
    ["nothing.csv", "atMs,journey\n,buy\n", 'line 2: expected atMs, a number of milliseconds, got ""'],
    ["more.csv", "atMs\n1,buy\n", 'line 2: expected atMs alone, got "1,buy"'],
    ["unknown.csv", "atMs,journey\n1,bye\n", 'line 2: unknown journey "bye", expected one of buy, look'],
    ["empty.jsonl", "\n", "expected at least one arrival"],
    ["text.jsonl", '{"atMs":"1"}\n', "line 1: expected atMs, a number of milliseconds"],
    ["key.jsonl", '{"atMs":1}\n{"atMs":1,"jorney":"buy"}\n', "line 2: "],
    ["broken.jsonl", '{"atMs":1}\n{"at', "line 2: "],
    ["history.jsonl", '{"kind":"journey"}\n', "line 1: expected a line of a run's history"],
  ])("%s", (name, content, message) => {
    const file = fileOf(name, content);
    expect(() => readRecordedArrivals(file, ["buy", "look"])).toThrow(
      expect.objectContaining({
        code: "SQUALL_PREFLIGHT",
        message: expect.stringContaining(`${file} holds no arrivals to replay: ${message}`) as string,
      }) as Error,
    );
  });

  it("all at once, up to a few", () => {
    const file = fileOf("many.csv", `atMs\n${"x\n".repeat(20)}`);
    expect(() => readRecordedArrivals(file)).toThrow(/line 2: .*; line 6: .*; …$/);
  });

  it("a file that is missing is one of its own", () => {
    const shape = { kind: "replay", file: join(folder, "none.csv") } as const;
    expect(() => requireArrivals(shape, [])).toThrow(
      expect.objectContaining({ code: "SQUALL_FILE" }) as Error,
    );
    expect(() => requireArrivals({ kind: "poisson", ratePerSecond: 1 }, [])).not.toThrow();
  });
});
