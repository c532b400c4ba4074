import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { decodeSpans, readSpans, runAttribute } from "../record/otlp.ts";
import { runFolder, type RunFolder } from "../record/run-folder.ts";
import { streamSpans } from "../record/span-stream.ts";
import type { Span } from "../record/span.ts";
import {
  abortedSummary,
  deviatedSummary,
  emptySummary,
  heldSummary,
  incompleteSummary,
} from "../report/fixtures/shop-summaries.ts";
import { recordRunTrace } from "./record-run-trace.ts";
import { runTrace, runTraceIds } from "./run-trace.ts";

const zeroMs = Date.UTC(2026, 10, 21, 3, 12, 8);

/** As somebody reads it who does not leave it out. */
function spansOf(request: object): readonly Span[] {
  return decodeSpans(JSON.parse(JSON.stringify(request).replace(runAttribute, "name of the run")));
}

describe("the trace of a run", () => {
  const summary = deviatedSummary();
  const rootSpanIds = new Map(summary.traces.map(({ traceId }) => [traceId, "b7ad6b7169203331"]));
  const spans = spansOf(runTrace(summary, { zeroMs, rootSpanIds }));
  const [run, ...others] = spans;

  test("is a run, its phases, and in them its faults, at their times", () => {
    expect(run).toMatchObject({
      ...runTraceIds(summary.run.id),
      service: "squall",
      name: "run",
      isError: true,
    });
    expect(run?.parentSpanId).toBeUndefined();
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    const phase = others.find(({ name }) => name === "phase fault");
    const window = summary.phases.find((one) => one.phase === "fault");
    expect(phase).toMatchObject({
      parentSpanId: run?.spanId,
      startMs: zeroMs + (window?.startMs ?? 0),
      endMs: zeroMs + (window?.endMs ?? 0),
    });
    const faults = others.filter(({ attributes }) => "squall.fault" in attributes);
    expect(faults).toHaveLength(summary.faults.length);
    for (const fault of faults) expect(fault.parentSpanId).toBe(phase?.spanId);
    expect(spans).toHaveLength(1 + summary.phases.length + summary.faults.length);
  });

  test("tells of a fault its edge, and how many connections, calls and bytes it acted on", () => {
    const [fault] = summary.faults;
    expect(others.find(({ attributes }) => attributes["squall.fault"] === fault?.id)).toMatchObject({
      name: `fault ${fault?.title}`,
      startMs: zeroMs + (fault?.injectedMs ?? 0),
      endMs: zeroMs + (fault?.undoneMs ?? 0),
      attributes: {
        "squall.edge": fault?.edge,
        "squall.fault.kind": fault?.kind,
        "squall.fault.bit": true,
        "squall.affected.connections": fault?.affected?.connections,
        "squall.affected.calls": fault?.affected?.requests,
        "squall.affected.bytes": fault?.affected?.bytes,
        "squall.edge.calls": fault?.calls,
        "squall.edge.failed_calls": fault?.failedCalls,
      },
    });
  });

  test("links to the worst requests, a fault to those that were under way while it was in place", () => {
    const linked = (span: Span | undefined): readonly string[] =>
      span?.links.map(({ traceId }) => traceId) ?? [];
    expect(linked(run)).toEqual(summary.traces.map(({ traceId }) => traceId));
    const [fault] = summary.faults;
    const from = fault?.injectedMs ?? 0;
    const until = fault?.undoneMs ?? 0;
    const meanwhile = summary.traces.filter(
      (one) => one.startMs < until && one.startMs + one.durationMs > from,
    );
    expect(meanwhile.length).toBeGreaterThan(0);
    expect(linked(others.find(({ attributes }) => attributes["squall.fault"] === fault?.id))).toEqual(
      meanwhile.map(({ traceId }) => traceId),
    );
    const unknown = spansOf(runTrace(summary, { zeroMs, rootSpanIds: new Map() }));
    expect(unknown.flatMap(({ links }) => links)).toEqual([]);
  });

  test("is the same each time that it is made, and another for another run", () => {
    expect(runTrace(deviatedSummary(), { zeroMs, rootSpanIds })).toEqual(
      runTrace(summary, { zeroMs, rootSpanIds }),
    );
    expect(runTraceIds("one")).not.toEqual(runTraceIds("other"));
  });

  test.each([
    ["held", heldSummary(), false],
    ["aborted", abortedSummary(), false],
    ["cut short by a crash", incompleteSummary(), undefined],
    ["empty", emptySummary(), undefined],
  ])("of a run that is %s has no span that ends before it began, or outside the run", (_, other, isError) => {
    const [root, ...parts] = spansOf(runTrace(other, { zeroMs, rootSpanIds }));
    for (const span of [root, ...parts]) {
      expect(span?.endMs).toBeGreaterThanOrEqual(span?.startMs ?? 0);
      expect(span?.startMs).toBeGreaterThanOrEqual(root?.startMs ?? 0);
      expect(span?.endMs).toBeLessThanOrEqual(root?.endMs ?? 0);
    }
    if (isError !== undefined) expect(root?.isError).toBe(isError);
  });
});

describe("in the run's folder", () => {
  const summary = deviatedSummary();
  const [linked] = summary.traces;
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "order" } }] };
  const span = (spanId: string, parentSpanId: string, startTimeUnixNano: string): object => ({
    ...{ traceId: linked?.traceId, spanId, parentSpanId, startTimeUnixNano, name: "POST /orders", kind: 2 },
  });
  // The client's span is nowhere; the child came first.
  const spans = [
    span("c".repeat(16), "b".repeat(16), "1700000000002000000"),
    span("b".repeat(16), "a".repeat(16), "1700000000001000000"),
  ];
  const fleet = `${JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] })}\n`;

  let folder: RunFolder;
  beforeAll(() => (folder = runFolder(mkdtempSync(join(tmpdir(), "squall-run-trace-")))));
  beforeEach(() => {
    mkdirSync(folder.path, { recursive: true });
    writeFileSync(folder.traces, fleet);
    writeFileSync(
      folder.journal,
      `${JSON.stringify({ atMs: zeroMs, event: "load-started", journey: "shopper", ratePerSecond: 60, zeroMs })}\n`,
    );
  });
  afterAll(() => rmSync(folder.path, { recursive: true, force: true }));

  const lines = (): readonly string[] => readFileSync(folder.traces, "utf8").trimEnd().split("\n");

  test("it is one line behind the fleet's, however often the report is made", () => {
    recordRunTrace(folder, summary);
    const once = readFileSync(folder.traces, "utf8");
    expect(once.startsWith(fleet)).toBe(true);
    expect(lines()).toHaveLength(2);
    recordRunTrace(folder, summary);
    expect(readFileSync(folder.traces, "utf8")).toBe(once);
    recordRunTrace(folder, { ...summary, title: "judged anew" });
    expect(lines()).toHaveLength(2);
    expect(lines()[1]).toContain("judged anew");
  });

  test("it links to where a request began", () => {
    recordRunTrace(folder, summary);
    const [run] = spansOf(JSON.parse(lines()[1] ?? "") as object);
    expect(run?.links).toEqual([{ traceId: linked?.traceId, spanId: "b".repeat(16) }]);
  });

  test("no reader of spans takes it for the fleet's", () => {
    const before = readSpans(folder.traces);
    recordRunTrace(folder, summary);
    expect(before).toHaveLength(2);
    expect(readSpans(folder.traces)).toEqual(before);
    expect([...streamSpans(folder.traces)]).toEqual(before);
  });

  test("what a crash cut off stays as it is, and a run's trace that was cut off is made whole", () => {
    appendFileSync(folder.traces, '{"resourceSpans":[{"res');
    recordRunTrace(folder, summary);
    expect(lines()[1]).toBe('{"resourceSpans":[{"res');
    const whole = readFileSync(folder.traces, "utf8");
    truncateSync(folder.traces, Buffer.byteLength(whole) - 300);
    recordRunTrace(folder, summary);
    expect(readFileSync(folder.traces, "utf8")).toBe(whole);
  });

  test("a run without a span has its own alone", () => {
    rmSync(folder.traces);
    recordRunTrace(folder, summary);
    recordRunTrace(folder, summary);
    expect(lines()).toHaveLength(1);
    expect(readSpans(folder.traces)).toEqual([]);
  });
});
