import { join } from "node:path";
import { expect, test } from "vitest";
import { faultSchema } from "../experiment/fault.ts";
import { loadExperiment } from "../experiment/load-experiment.ts";
import type { OperationLine } from "../record/history.ts";
import type { EdgeSummary, FaultSummary } from "../record/summary.ts";
import { groupTraces } from "../traces/trace.ts";
import { radiusSummary, type RadiusEvidence } from "./radius-summary.ts";

const { experiment, target } = loadExperiment(join(import.meta.dirname, "../../test/corpus/experiment.yaml"));

/** A client's request at 1.5 s; a call over an edge by the port of its proxy, 4001 for stock -> smtp. */
const operation = (traceId: string, sentMs = 1_500): OperationLine => ({
  kind: "operation",
  arrival: 0,
  journey: "buy",
  step: "buy",
  method: "POST",
  route: "/",
  intendedMs: sentMs,
  sentMs,
  endedMs: sentMs + 10,
  completion: "ok",
  traceId,
});

const call = (traceId: string, port: number) => ({
  traceId,
  spanId: `${traceId}${port}`,
  parentSpanId: undefined,
  service: "stock",
  name: "send",
  kind: "client" as const,
  startMs: 1_500,
  endMs: 1_501,
  isError: false,
  statusMessage: undefined,
  attributes: { "server.port": port },
  links: [],
  events: [],
});

const edge = (name: string, baseline: readonly number[], fault: readonly number[]): EdgeSummary => {
  const [caller = "", callee = ""] = name.split(" -> ");
  const figures = ([calls = 0, errors = 0]: readonly number[]) => ({ calls, errors });
  return {
    edge: name,
    caller,
    callee,
    calleeKind: "service",
    isDeclared: true,
    isStandby: false,
    baseline: figures(baseline),
    fault: figures(fault),
    isBroken: false,
  };
};

/** In place from 1 s to 2 s. */
const felt: FaultSummary = {
  id: "f1",
  kind: "latency",
  title: "",
  injectedMs: 1_000,
  undoneMs: 2_000,
  actsOn: "connections",
  affectedCalls: [],
  calls: 2,
  failedCalls: 0,
  bit: true,
};

function radius(given: Partial<RadiusEvidence> = {}, fault = felt, edges: readonly EdgeSummary[] = []) {
  const evidence: RadiusEvidence = {
    experiment,
    target,
    operations: [],
    journeys: [],
    traces: new Map(),
    edgeByPort: new Map([
      [4_001, "stock -> smtp"],
      [4_002, "front -> stock"],
    ]),
    zeroMs: 0,
    endedAtMs: 9_000,
    ...given,
  };
  return radiusSummary(evidence, { faults: [fault], edges });
}

test("what was planned is what squall validate tells", () => {
  expect(radius().planned).toMatchObject({
    edges: ["stock -> smtp"],
    services: ["stock"],
    outside: ["smtp"],
    reached: ["front", "stock"],
    longestFaultMs: 5_000,
    journeys: 100,
  });
});

test("a fault that nothing felt touched nothing, and one that was never injected lasted no time", () => {
  expect(radius().touched).toMatchObject({
    edges: ["stock -> smtp"],
    services: ["stock"],
    longestFaultMs: 1_000,
  });
  expect(radius({}, { ...felt, bit: false }).touched).toMatchObject({ edges: [], services: [], outside: [] });
  const { injectedMs: _, ...never } = felt;
  expect(radius({}, { ...never, bit: false }).touched).not.toHaveProperty("longestFaultMs");
});

test("requests are those of the fault's time that left a trace, and those whose trace came to the broken edge", () => {
  const traces = groupTraces([call("a", 4_001), call("a", 4_002), call("b", 4_002), call("before", 4_001)]);
  const operations = [operation("a"), operation("b"), operation("untraced"), operation("before", 500)];
  expect(radius({ traces, operations }).touched.requests).toEqual({ traced: 2, met: 1 });
});

test("every request meets what is broken at the entry, traced or not", () => {
  const faults = [faultSchema().parse({ down: { edge: "client -> front" } })];
  const operations = [operation("a"), operation("b")];
  const { touched } = radius({ experiment: { ...experiment, faults }, operations });
  expect(touched.requests).toEqual({ traced: 2, met: 2 });
});

test("of a process that is changed, every call to it is met", () => {
  const faults = [faultSchema().parse({ kill: { process: "stock" } })];
  const traces = groupTraces([call("a", 4_001), call("b", 4_002)]);
  const operations = [operation("a"), operation("b")];
  const { touched } = radius({ experiment: { ...experiment, faults }, traces, operations });
  expect(touched).toMatchObject({ processes: ["stock"], requests: { traced: 2, met: 1 } });
});

test("a service fails more when a larger share of the calls that it makes failed than in the baseline", () => {
  const { touched } = radius({}, felt, [
    edge("front -> stock", [100, 2], [200, 4]),
    edge("stock -> smtp", [100, 0], [200, 3]),
    edge("stock -> stock-db", [100, 1], [200, 0]),
  ]);
  expect(touched.failing).toEqual([{ service: "stock", calls: 400, failed: 3 }]);
});
