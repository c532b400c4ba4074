import fc from "fast-check";
import { expect, test } from "vitest";
import type { Span } from "../record/span.ts";
import { analyseTraces, slowestTraces } from "./analysis.ts";
import { blame } from "./blame.ts";
import { prepareTrace } from "./prepared-trace.ts";
import { call, prepared, query, server } from "./prepared.fixture.ts";
import { shopPorts, shopTraces } from "./shop-traces.fixture.ts";
import { groupTraces } from "./trace.ts";

const options = { entry: { service: "gateway", client: "client" }, durationMs: 1_000 };

function analyse(spans: readonly Span[]) {
  const traces = [...groupTraces(spans, "gateway").values()].map((trace) => prepareTrace(trace, shopPorts));
  return { ...analyseTraces(traces, options), blame: blame(traces, traces) };
}

const shop = [...shopTraces({ seed: "robust", traces: 12 })];

test("a whole shop is whole, and its clocks agree", () => {
  const { completeness, clockShifts, spans } = analyse(shop.flat());
  expect(completeness).toMatchObject({ traces: 12, incomplete: 0, duplicates: 0 });
  expect(clockShifts).toEqual([]);
  expect(spans).toBe(shop.flat().length);
});

test("spans withheld, sent again, late, with broken parents and skewed clocks: counted, and never wrongly complete", () => {
  const whole = shop.flat();
  const damage = fc.record({
    lost: fc.uniqueArray(fc.nat(whole.length - 1), { maxLength: 20 }),
    again: fc.array(fc.nat(whole.length - 1), { maxLength: 20 }),
    broken: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(whole.length - 1)), { maxLength: 10 }),
    skews: fc.dictionary(
      fc.constantFrom("catalog", "order", "payment", "user"),
      fc.integer({ min: -200, max: 200 }),
    ),
    order: fc.integer({ min: 1, max: 1_000 }),
  });
  fc.assert(
    fc.property(damage, ({ lost, again, broken, skews, order }) => {
      const parents = new Map(broken.map(([child, parent]) => [child, whole[parent]?.spanId]));
      const damaged = whole.map((one, index) => {
        const skewMs = skews[one.service] ?? 0;
        return {
          ...one,
          parentSpanId: parents.has(index) ? parents.get(index) : one.parentSpanId,
          startMs: one.startMs + skewMs,
          endMs: one.endMs + skewMs,
        };
      });
      const gone = new Set(lost);
      const sent = damaged.filter((_, index) => !gone.has(index));
      const twice = again.flatMap((index) => (gone.has(index) ? [] : (damaged[index] ?? [])));
      // Late: in an order that has nothing to do with when they began.
      const arriving = [...sent, ...twice].sort(
        (a, b) =>
          (Number.parseInt(a.spanId.slice(0, 6), 16) % order) -
          (Number.parseInt(b.spanId.slice(0, 6), 16) % order),
      );
      const { completeness, spans, graph } = analyse(arriving);
      expect(spans).toBe(sent.length);
      expect(completeness.duplicates).toBe(twice.length);
      // A trace with a span whose parent is lost, itself still here, must not pass for complete.
      const ids = new Set(sent.map((one) => one.spanId + one.traceId));
      const torn = new Set(
        sent
          .filter(
            ({ parentSpanId, traceId }) => parentSpanId !== undefined && !ids.has(parentSpanId + traceId),
          )
          .filter(({ service, kind }) => service !== "gateway" || kind !== "server")
          .map(({ traceId }) => traceId),
      );
      expect(completeness.incomplete).toBeGreaterThanOrEqual(torn.size);
      expect(graph.edges.reduce((sum, { calls }) => sum + calls, 0)).toBeGreaterThanOrEqual(
        sent.filter(({ kind }) => kind === "client").length,
      );
    }),
    { numRuns: 60 },
  );
});

test("skewed clocks are counted by whose they are", () => {
  const trace = prepared(
    call({ spanId: "c", endMs: 100 }),
    server({ spanId: "s", parentSpanId: "c", service: "order", startMs: 240, endMs: 260 }),
  );
  expect(analyseTraces([trace, trace], options).clockShifts).toEqual([
    { caller: "gateway", callee: "order", spans: 2, largestMs: -200 },
  ]);
});

test.each([
  ["deep", (index: number) => (index === 0 ? undefined : `s${index - 1}`)],
  ["wide", (index: number) => (index === 0 ? undefined : "s0")],
])("a trace of 10,000 spans, %s, is analysed as any other", (_, parentOf) => {
  const spans = Array.from({ length: 10_000 }, (_, index) => ({
    ...(index % 2 === 0
      ? server({ spanId: `s${index}`, startMs: index, endMs: 30_000 - index })
      : call({
          spanId: `s${index}`,
          startMs: index,
          endMs: 30_000 - index,
          status: index % 3 === 0 ? 503 : 200,
        })),
    parentSpanId: parentOf(index),
  }));
  const { completeness, spans: counted } = analyse(spans);
  expect(counted).toBe(10_000);
  expect(completeness.incomplete).toBe(0);
});

test("the slowest traces say where their time went", () => {
  const slow = prepared(
    server({ traceId: "slow", spanId: "root", endMs: 100, name: "GET /page" }),
    query({ traceId: "slow", spanId: "q", parentSpanId: "root", of: "db", startMs: 10, endMs: 90 }),
  );
  const quick = prepared(server({ traceId: "quick", spanId: "root", endMs: 5 }));
  expect(slowestTraces([quick, slow], 1)).toEqual([
    {
      traceId: "slow",
      operation: "gateway GET /page",
      durationMs: 100,
      isComplete: true,
      path: [
        { place: "gateway -> db", ms: 80 },
        { place: "gateway", ms: 20 },
      ],
    },
  ]);
});
