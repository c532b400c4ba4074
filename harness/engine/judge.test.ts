import { describe, expect, it } from "vitest";
import type { FaultSummary, Objective } from "../record/summary.ts";
import { judge, type Findings } from "./judge.ts";

const objective = (outcome: Objective["outcome"], more: Partial<Objective> = {}): Objective => ({
  id: "o1",
  kind: "success",
  title: "checkout: at least 99 % succeed during fault",
  outcome,
  measured: "98 %",
  why: "so",
  traceIds: [],
  ...more,
});

const fault: FaultSummary = {
  id: "f1",
  kind: "latency",
  edge: "payment -> gateway-a",
  title: "latency of 3 s on payment -> gateway-a",
  injectedMs: 20_000,
  undoneMs: 40_000,
  undoneBy: "plan",
  actsOn: "connections",
  affected: { requests: 0, connections: 12, bytes: 3_400 },
  affectedCalls: [],
  calls: 120,
  failedCalls: 3,
  bit: true,
};

const well: Findings = {
  objectives: [objective("held")],
  faults: [fault],
  load: { journey: "shopper", ratePerSecond: 60, intended: 3_000, sent: 3_000, lateP99Ms: 2 },
  telemetry: {
    spans: 9_000,
    traces: 3_000,
    incompleteTraces: 0,
    excusedTraces: 0,
    lacks: [],
    untracedOperations: 0,
  },
  baselineOperations: 900,
  ends: [],
  endedEarly: undefined,
};

const outcomeOf = (more: Partial<Findings>): string => judge({ ...well, ...more }).outcome;

describe("a verdict", () => {
  it("is held when every objective held and the evidence can carry it", () =>
    expect(judge(well)).toMatchObject({ outcome: "held", exitCode: 0 }));

  it("is deviated when an objective did not hold, whatever another could not decide", () =>
    expect(judge({ ...well, objectives: [objective("inconclusive"), objective("deviated")] })).toMatchObject({
      outcome: "deviated",
      exitCode: 1,
    }));

  it("is inconclusive when an objective could not be decided", () =>
    expect(outcomeOf({ objectives: [objective("held"), objective("inconclusive")] })).toBe("inconclusive"));

  it("is inconclusive when the fault touched nothing, even if an objective deviated", () => {
    const verdict = judge({
      ...well,
      faults: [{ ...fault, bit: false }],
      objectives: [objective("deviated")],
    });
    expect(verdict).toMatchObject({ outcome: "inconclusive", exitCode: 2 });
    expect(verdict.reasons[0]).toBe("the fault touched nothing: latency of 3 s on payment -> gateway-a");
  });

  it("says of a fault of calls that touched nothing where the calls stayed", () => {
    const untouched: FaultSummary = {
      ...fault,
      kind: "http-status",
      title: "answer 503 instead of POST /payment, the 2nd call, on order -> payment",
      actsOn: "calls",
      matched: { requests: 1, connections: 4 },
      drawn: { requests: 0, connections: 4 },
      affected: { requests: 0, connections: 0, bytes: 0 },
      unreadableConnections: 3,
      bit: false,
    };
    expect(judge({ ...well, faults: [untouched] }).reasons).toEqual([
      "the fault touched nothing: answer 503 instead of POST /payment, the 2nd call, on order -> payment " +
        "(1 call matched, 0 drawn, none affected; 3 connections could not be read)",
    ]);
  });

  it.each<[string, Partial<Findings>]>([
    ["the fault ended before its time", { faults: [{ ...fault, undoneBy: "lease" }] }],
    ["the load did not arrive", { load: { ...well.load, sent: 0 } }],
    ["journeys were not sent", { load: { ...well.load, sent: 2_900 } }],
    ["starts were late", { load: { ...well.load, lateP99Ms: 400 } }],
    ["the load driver took all of a processor", { load: { ...well.load, cpuShare: 0.97 } }],
    ["the load driver stood still", { load: { ...well.load, stallMaxMs: 2_000 } }],
    ["spans were lost", { telemetry: { ...well.telemetry, untracedOperations: 90 } }],
    [
      "2000 of 3000 traces are incomplete (no root 2000), 2 % may be",
      {
        telemetry: {
          ...well.telemetry,
          incompleteTraces: 2_000,
          lacks: [{ what: "no root", traces: 2_000 }],
        },
      },
    ],
  ])("is inconclusive when %s", (_, more) => expect(outcomeOf(more)).toBe("inconclusive"));

  it("bears traces that a killed service tore, and says of others what they lack and what would settle it", () => {
    const lacks = [
      { what: "no root", traces: 61 },
      { what: "killed", traces: 500 },
    ];
    const telemetry = { ...well.telemetry, incompleteTraces: 550, excusedTraces: 500, lacks };
    expect(outcomeOf({ telemetry })).toBe("held");
    expect(judge({ ...well, telemetry: { ...telemetry, incompleteTraces: 561 } }).reasons[0]).toBe(
      "61 of 2500 traces are incomplete (no root 61), 2 % may be: spans were lost, and what they would have told is " +
        "not in the evidence; a run with less load, or with fewer traces sampled, would settle it",
    );
  });

  it("names the figure of the load driver that is beyond its bound", () =>
    expect(judge({ ...well, load: { ...well.load, lateP99Ms: 400 } }).reasons).toEqual([
      "the load driver was the bottleneck: starts were 400 ms late at the 99th percentile (bound 100 ms)",
    ]));

  it("is not-recovered when a fault could not be undone or the system stayed unwell, whatever else", () => {
    expect(outcomeOf({ faults: [{ ...fault, undoError: "no answer" }] })).toBe("not-recovered");
    const never = objective("deviated", { kind: "recovers", neverRecovered: true });
    expect(judge({ ...well, objectives: [never] })).toMatchObject({ outcome: "not-recovered", exitCode: 5 });
    expect(outcomeOf({ objectives: [objective("deviated", { kind: "recovers" })] })).toBe("deviated");
  });

  it("is aborted with exit code 130 when the run was interrupted", () =>
    expect(judge({ ...well, endedEarly: { by: "interrupt", detail: "SIGINT" } })).toMatchObject({
      outcome: "aborted",
      exitCode: 130,
    }));

  it("is inconclusive when the run ended without finishing", () =>
    expect(judge({ ...well, endedEarly: { by: "crash", detail: "the journal ends" } }).exitCode).toBe(2));

  it("is aborted when a guard stopped the run", () =>
    expect(judge({ ...well, endedEarly: { by: "guard", detail: "checkout below 50 %" } })).toMatchObject({
      outcome: "aborted",
      exitCode: 4,
    }));
});

describe("a verdict on a load that k6 made", () => {
  const k6 = { version: "v1.8.1", dropped: 0, unattributedErrors: 0, endedEarlyMs: 0, thresholds: [] };
  const load = { journey: "shopper", ratePerSecond: 60, intended: 3_000, sent: 3_000 };
  const judged = (more: Partial<typeof k6>) => {
    const { dropped = 0 } = more;
    return judge({ ...well, load: { ...load, sent: 3_000 - dropped, k6: { ...k6, ...more } } });
  };

  it("is held when k6 measured everything", () => {
    expect(judged({})).toMatchObject({ outcome: "held", reasons: [expect.stringContaining("checkout")] });
  });

  it("says that iterations were dropped, however few", () => {
    const { outcome, reasons } = judged({ dropped: 1 });
    expect(outcome).toBe("held");
    expect(reasons[0]).toMatch(/^k6 dropped 1 of 3000 iterations/);
  });

  it("is inconclusive when more than 1 in 100 was dropped, and says it once", () => {
    expect(judged({ dropped: 30 }).outcome).toBe("held");
    const { outcome, reasons } = judged({ dropped: 31 });
    expect(outcome).toBe("inconclusive");
    expect(reasons).toEqual([expect.stringMatching(/^k6 dropped 31 of 3000/)]);
  });

  it("says that the script threw, and is inconclusive when it did so in more than 1 of 100 iterations", () => {
    expect(judged({ unattributedErrors: 2 })).toMatchObject({
      outcome: "held",
      reasons: [expect.stringContaining("2 exceptions"), expect.stringContaining("checkout")],
    });
    expect(judged({ unattributedErrors: 31 }).outcome).toBe("inconclusive");
  });

  it("is inconclusive when k6 ended before the run did", () => {
    expect(judged({ endedEarlyMs: 4_000 })).toMatchObject({
      outcome: "inconclusive",
      reasons: ["k6 ended 4 s before the run did: its script has to last DURATION"],
    });
  });
});
