import { expect, it } from "vitest";
import type { Experiment } from "../experiment/experiment.ts";
import type { ProxyEvidence } from "../faults/proxy-api.ts";
import { preflightChecks, requirePassed, type PreflightFacts } from "./preflight.ts";

const experiment = {
  faults: [{ kind: "down", edge: { caller: "order", callee: "payment" } }],
  hypothesis: [{ kind: "success", journey: "checkout", atLeastRatio: 0.9, during: "fault" }],
} as const satisfies Pick<Experiment, "faults" | "hypothesis">;

function evidence(bytes: number, faults: ProxyEvidence["faults"] = []): ProxyEvidence {
  const proxy = { name: "order->payment", listen: "", upstream: "", connections: 1, open_connections: 1 };
  return { proxies: [{ ...proxy, upstream_bytes: bytes, downstream_bytes: 0 }], faults };
}

const ended = (journey: string, completion: "ok" | "fail") =>
  ({ journey, completion, arrival: 0, intendedMs: 0, endedMs: 1 }) as const;

const well: PreflightFacts = {
  before: evidence(100),
  after: evidence(150),
  baseline: [ended("checkout", "ok"), ended("browse", "fail")],
  ends: [],
  standby: [],
  journeysOf: (name) => new Set([name]),
};

const refusals = (facts: Partial<PreflightFacts>): string[] =>
  preflightChecks(experiment, { ...well, ...facts })
    .filter(({ passed }) => !passed)
    .map(({ check, detail }) => `${check}: ${detail}`);

it("a system in its steady state whose edge carries traffic passes", () => {
  expect(refusals({})).toEqual([]);
  expect(() => requirePassed(preflightChecks(experiment, well))).not.toThrow();
});

it("a process that has ended before the fault is refused", () =>
  expect(refusals({ ends: ["payment: exit code 1"] })).toEqual([
    "no process has ended: payment: exit code 1",
  ]));

it("an edge that carried nothing since the baseline began is refused, whatever it carried before", () =>
  expect(refusals({ after: evidence(100) })).toEqual([
    "traffic crosses order -> payment: no byte crossed it in the baseline",
  ]));

it("an edge that stands by until another fails need not carry anything", () =>
  expect(refusals({ after: evidence(100), standby: [{ caller: "order", callee: "payment" }] })).toEqual([]));

it("a journey that does not do before the fault what it must do under it is refused", () => {
  expect(refusals({ baseline: [ended("checkout", "ok"), ended("checkout", "fail")] })).toEqual([
    "checkout is in its steady state: 1 of 2 succeeded, 90 % expected",
  ]);
  expect(refusals({ baseline: [ended("browse", "ok")] })).toEqual([
    "checkout is in its steady state: no such journey ended in the baseline",
  ]);
});

it("a fault that somebody else left in place is refused by name", () => {
  const fault = {
    proxy: "order->payment",
    name: "slow",
    type: "latency",
    lease: null,
    started_at_ms: 1,
    ended_at_ms: null,
    ended_by: null,
    matched: { requests: 0, connections: 0 },
    drawn: { requests: 0, connections: 0 },
    affected: { requests: 0, connections: 0, bytes: 0 },
    unreadable_connections: 0,
    first_affected_at_ms: null,
    last_affected_at_ms: null,
  };
  expect(refusals({ after: evidence(150, [fault]) })).toEqual([
    "no other fault is in place: latency on order->payment",
  ]);
  expect(refusals({ after: evidence(150, [{ ...fault, ended_at_ms: 2, ended_by: "removed" }]) })).toEqual([]);
});

it("every refusal is told at once", () =>
  expect(() =>
    requirePassed(preflightChecks(experiment, { ...well, after: evidence(100), baseline: [] })),
  ).toThrow(/traffic crosses order -> payment: .*\n {2}checkout is in its steady state/));

it("an edge whose connections have not ended yet carries traffic when traces show calls", () => {
  const crossings = new Map([["order -> payment", 12]]);
  const checks = preflightChecks(experiment, { ...well, after: evidence(100), crossings });
  expect(checks[1]).toMatchObject({ passed: true, detail: "12 calls in the baseline" });
  expect(refusals({ after: evidence(100), crossings: new Map() })).toEqual([
    "traffic crosses order -> payment: no byte crossed it in the baseline",
  ]);
});
