import { join } from "node:path";
import { expect, test } from "vitest";
import { loadExperiment } from "../experiment/load-experiment.ts";
import { faultSchema } from "../experiment/fault.ts";
import type { ExperimentRecord } from "../record/experiment-record.ts";
import type { FaultLine } from "../record/fault-log.ts";
import type { JournalEvent, JournalLine } from "../record/journal.ts";
import { groupTraces } from "../traces/trace.ts";
import { faultSummaries, type FaultsEvidence } from "./fault-summary.ts";

const { experiment, target } = loadExperiment(join(import.meta.dirname, "../../test/corpus/experiment.yaml"));
const zeroMs = 1_000;

/** A run of one fault on front -> stock, from 2 s to 4 s, of which the proxy counted so much. */
function evidence(
  fault: object,
  touched: Partial<Extract<JournalEvent, { event: "fault-undone" }>> = {},
  calls: readonly Partial<FaultLine>[] = [],
): FaultsEvidence {
  const journal: JournalLine[] = [
    { atMs: 3_000, event: "fault-injected", fault: "f1", faultKind: "", edge: "", detail: "" },
    { atMs: 5_000, event: "fault-undone", fault: "f1", by: "plan", durationMs: 2, ...touched },
  ];
  const faultLog = calls.map(
    (call, index) =>
      ({
        event: "call-affected",
        atMs: 3_100 + index,
        id: index + 1,
        fault: "f1",
        proxy: "front->stock",
        toxic: "f1",
        type: "http_abort",
        request: index + 1,
        call: "GET /items",
        effect: "reset",
        ...call,
      }) as FaultLine,
  );
  return {
    record: { run: "run", fleet: {} } as ExperimentRecord,
    experiment: { ...experiment, faults: [faultSchema().parse(fault)] },
    target,
    journal,
    faultLog,
    operations: [],
    // A client's call of stock through the edge's proxy, that failed.
    traces: groupTraces([
      {
        traceId: "t",
        spanId: "s",
        parentSpanId: undefined,
        service: "front",
        name: "GET",
        kind: "client",
        startMs: 3_200,
        endMs: 3_300,
        isError: true,
        statusMessage: undefined,
        attributes: { "server.port": 4_001 },
        links: [],
        events: [],
      },
    ]),
    edgeByPort: new Map([[4_001, "front -> stock"]]),
    zeroMs,
    timeline: [],
    endedAtMs: 9_000,
  };
}

const abort = { "http-abort": { edge: "front -> stock" } };
const affected = (requests: number, connections: number) => ({ requests, connections, bytes: 10 });

test("counts come from the journal, and the first calls from the fault log, in the run's time", () => {
  const counts = {
    matched: { requests: 9, connections: 3 },
    drawn: { requests: 2, connections: 3 },
    affected: affected(2, 1),
    unreadableConnections: 1,
  };
  const trace = { traceId: "0af7651916cd43dd8448eb211c80319c" };
  expect(faultSummaries(evidence(abort, counts, [trace, {}]))).toEqual([
    {
      id: "f1",
      kind: "http-abort",
      edge: "front -> stock",
      title: "reset instead of all calls on front -> stock",
      injectedMs: 2_000,
      undoneMs: 4_000,
      undoneBy: "plan",
      undoDurationMs: 2,
      actsOn: "calls",
      ...counts,
      affectedCalls: [
        { atMs: 2_100, request: 1, call: "GET /items", effect: "reset", ...trace },
        { atMs: 2_101, request: 2, call: "GET /items", effect: "reset" },
      ],
      calls: 1,
      failedCalls: 1,
      bit: true,
    },
  ]);
});

test("a fault of calls that acted on none touched nothing, though calls failed and connections were there", () => {
  const [fault] = faultSummaries(evidence(abort, { affected: affected(0, 3) }));
  expect(fault).toMatchObject({ failedCalls: 1, bit: false });
});

test("a fault of connections is felt when calls over its edge fail, though it counted nothing", () => {
  const [fault] = faultSummaries(
    evidence({ down: { edge: "front -> stock" } }, { affected: affected(0, 0) }),
  );
  expect(fault).toMatchObject({ actsOn: "connections", bit: true });
});

test("where the proxy's counts are missing, the fault log decides whether a fault of calls was felt", () => {
  expect(faultSummaries(evidence(abort))[0]?.bit).toBe(false);
  expect(faultSummaries(evidence(abort, {}, [{}]))[0]?.bit).toBe(true);
  expect(faultSummaries(evidence(abort, {}, [{ fault: "f2" }]))[0]?.bit).toBe(false);
});

test("a summary holds ten affected calls, however many there were", () => {
  const [fault] = faultSummaries(evidence(abort, { affected: affected(30, 1) }, Array<object>(30).fill({})));
  expect(fault?.affectedCalls.map(({ request }) => request)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
