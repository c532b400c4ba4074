import { expect, test } from "vitest";
import type { OperationLine } from "../record/history.ts";
import type { Trace } from "../traces/trace.ts";
import { traceComparisons } from "./trace-comparison.ts";

const timeline = [
  { phase: "baseline", startMs: 0, endMs: 10_000 },
  { phase: "fault", startMs: 10_000, endMs: 20_000 },
] as const;

interface Asked {
  readonly step?: string;
  readonly atMs: number;
  readonly tookMs: number;
  readonly completion?: OperationLine["completion"];
}

/** Operations of the journey "buy", the n-th with trace "n". */
function compare(asked: readonly Asked[], isTraced: (index: number) => boolean = () => true) {
  const operations = asked.map(({ step = "pay", atMs, tookMs, completion = "ok" }, index) => ({
    journey: "buy",
    step,
    intendedMs: atMs,
    sentMs: atMs,
    endedMs: atMs + tookMs,
    completion,
    traceId: String(index),
  })) as unknown as readonly OperationLine[];
  const traces = new Map(
    asked.flatMap((_, index) => (isTraced(index) ? [[String(index), {} as Trace] as const] : [])),
  );
  return traceComparisons({ operations, traces, timeline, zeroMs: 0 });
}

const before = [50, 20, 30, 10, 40].map((tookMs, index) => ({ atMs: index, tookMs }));

test("the median of the baseline stands against the slowest of the fault", () => {
  expect(
    compare([
      ...before,
      { atMs: 11_000, tookMs: 300 },
      { atMs: 11_001, tookMs: 900 },
      { atMs: 11_002, tookMs: 400 },
    ]),
  ).toEqual([
    {
      journey: "buy",
      step: "pay",
      before: { phase: "baseline", traceId: "2", operations: 5, failed: 0, medianMs: 30 },
      during: { phase: "fault", traceId: "6", operations: 3, failed: 0, medianMs: 400 },
    },
  ]);
});

test("one that failed is worse than one that was slow, and one without a trace cannot be shown", () => {
  const fault: readonly Asked[] = [
    { atMs: 11_000, tookMs: 900 },
    { atMs: 11_001, tookMs: 5, completion: "unknown" },
    { atMs: 11_002, tookMs: 7, completion: "fail" },
  ];
  expect(compare([...before, ...fault])[0]?.during).toMatchObject({ traceId: "7", operations: 3, failed: 2 });
  expect(compare([...before, ...fault], (index) => index !== 7)[0]?.during.traceId).toBe("6");
});

test("a step that was hardly worse, or of which the baseline has too few, is not compared", () => {
  expect(compare([...before, { atMs: 11_000, tookMs: 44 }])).toEqual([]);
  expect(compare([...before.slice(1), { atMs: 11_000, tookMs: 900 }])).toEqual([]);
  const quick = before.map(({ atMs, tookMs }) => ({ atMs, tookMs: tookMs / 10 }));
  expect(compare([...quick, { atMs: 11_000, tookMs: 7.9 }])).toEqual([]);
  expect(compare(before)).toEqual([]);
});

test("the step of which most failed comes first, then the one that grew most; three at most", () => {
  const asked = ["a", "b", "c", "d"].flatMap((step, rank): Asked[] => [
    ...before.map((one) => ({ ...one, step })),
    { step, atMs: 12_000, tookMs: 200 + 100 * rank, completion: step === "a" ? "fail" : "ok" },
  ]);
  expect(compare(asked).map(({ step }) => step)).toEqual(["a", "d", "c"]);
});
