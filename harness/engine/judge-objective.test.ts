import { describe, expect, it } from "vitest";
import type { InvariantSummary } from "../record/summary.ts";
import type { JourneySample } from "./figures.ts";
import { judgeObjective, type JudgedFacts } from "./judge-objective.ts";
import { planTimeline } from "./timeline.ts";

const timeline = planTimeline({ warmup: 0, baseline: 10_000, fault: 10_000, recovery: 10_000 });

/** `count` journeys spread over a phase, the first `failed` of them not ok. */
function samples(
  phase: "baseline" | "fault" | "recovery",
  count: number,
  { failed = 0, latencyMs = 10, journey = "checkout" } = {},
): JourneySample[] {
  const { startMs, endMs } = timeline.find((candidate) => candidate.phase === phase) ?? {
    startMs: 0,
    endMs: 0,
  };
  return Array.from({ length: count }, (_, index) => ({
    journey,
    startMs: startMs + (index / count) * (endMs - startMs),
    latencyMs,
    completion: index < failed ? "fail" : "ok",
    wasSent: true,
    error: undefined,
    traceId: `${phase}-${index}`,
  }));
}

function judge(
  spec: Parameters<typeof judgeObjective>[1],
  given: readonly JourneySample[],
  more: Partial<JudgedFacts> = {},
) {
  return judgeObjective("o1", spec, {
    samples: given,
    timeline,
    invariants: [],
    undoneMs: 20_000,
    endMs: 30_000,
    journeysOf: (name) => new Set([name]),
    ...more,
  });
}

describe("success", () => {
  const spec = { kind: "success", journey: "checkout", atLeastRatio: 0.99, during: "fault" } as const;

  it("is held from 268 journeys without a failure on, and not before: n / (n + 1.6449²) >= 0.99", () => {
    expect(judge(spec, samples("fault", 268)).outcome).toBe("held");
    const tooFew = judge(spec, samples("fault", 267));
    expect(tooFew.outcome).toBe("inconclusive");
    expect(tooFew.why).toContain("268 journeys would settle it");
  });

  it("deviates when even the upper bound is under the limit, and names the traces that failed", () => {
    const objective = judge(spec, samples("fault", 300, { failed: 30 }));
    expect(objective).toMatchObject({
      outcome: "deviated",
      traceIds: ["fault-0", "fault-1", "fault-2", "fault-3", "fault-4"],
    });
    expect(objective.measured).toContain("90 %, 30 of 300 failed");
  });

  it("looks at its own journey in its own phase only", () => {
    const others = [
      ...samples("baseline", 300, { failed: 300 }),
      ...samples("fault", 300, { failed: 300, journey: "browse" }),
    ];
    expect(judge(spec, [...samples("fault", 300), ...others]).outcome).toBe("held");
    expect(judge(spec, others)).toMatchObject({ outcome: "inconclusive", measured: "no journey" });
  });
});

describe("latency", () => {
  const spec = {
    kind: "latency",
    journey: "checkout",
    percentile: 95,
    atMostMs: 100,
    during: "fault",
  } as const;

  it("is not judged below 200 journeys, however fast or slow they were", () => {
    expect(judge(spec, samples("fault", 199, { latencyMs: 5_000 }))).toMatchObject({
      outcome: "inconclusive",
      why: "not enough data: p95 needs 200 journeys, there were 199",
    });
  });

  it("counts what failed as slow as it was", () => {
    expect(judge(spec, samples("fault", 300)).outcome).toBe("held");
    expect(judge(spec, samples("fault", 300, { failed: 300, latencyMs: 10_000 })).outcome).toBe("deviated");
  });
});

describe("recovery", () => {
  const spec = { kind: "recovers", withinMs: 5_000 } as const;
  const before = [...samples("baseline", 200), ...samples("fault", 200, { failed: 200 })];

  it("is held when every second after the undo is as good as the baseline", () =>
    expect(judge(spec, [...before, ...samples("recovery", 200)])).toMatchObject({
      outcome: "held",
      measured: "at once",
    }));

  it("deviates when it takes longer than promised: 140 of 200 journeys failed are the first 7 s of 10", () =>
    expect(judge(spec, [...before, ...samples("recovery", 200, { failed: 140 })])).toMatchObject({
      outcome: "deviated",
      measured: "after 7 s",
    }));

  it("is never recovered when the last second is still bad", () =>
    expect(judge(spec, [...before, ...samples("recovery", 200, { failed: 200 })])).toMatchObject({
      outcome: "deviated",
      neverRecovered: true,
    }));

  it("is not judged without an undo under load, or when the load ended too soon", () => {
    expect(judge(spec, before, { undoneMs: undefined }).outcome).toBe("inconclusive");
    expect(judge(spec, before, { endMs: 24_000 }).outcome).toBe("inconclusive");
  });
});

describe("consistency", () => {
  const spec = { kind: "consistent", invariants: "all", settledWithinMs: 20_000 } as const;
  const invariant = (id: string, outcome: InvariantSummary["outcome"], checked = 10): InvariantSummary => ({
    id,
    title: id,
    outcome,
    checked,
    violations: outcome === "violated" ? 1 : 0,
    anomalies: outcome === "violated" ? [{ message: "twice", witness: [], traceId: "t1" }] : [],
  });

  it.each([
    ["held", [invariant("a", "held"), invariant("b", "held")]],
    ["deviated", [invariant("a", "violated"), invariant("b", "unknown")]],
    ["inconclusive", [invariant("a", "held"), invariant("b", "unknown")]],
    ["inconclusive", [invariant("a", "held", 0)]],
    ["inconclusive", []],
  ] as const)("is %s", (outcome, invariants) =>
    expect(judge(spec, [], { invariants }).outcome).toBe(outcome),
  );

  it("judges only the invariants that it names", () => {
    const invariants = [invariant("a", "held"), invariant("b", "violated")];
    expect(judge({ ...spec, invariants: ["a"] }, [], { invariants }).outcome).toBe("held");
    expect(judge({ ...spec, invariants: ["b"] }, [], { invariants })).toMatchObject({
      outcome: "deviated",
      traceIds: ["t1"],
    });
  });
});
