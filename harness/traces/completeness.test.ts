import fc from "fast-check";
import { expect, test } from "vitest";
import { completenessOf, countCompleteness } from "./completeness.ts";
import { checkout, span } from "./spans.fixture.ts";
import { createTrace, groupTraces } from "./trace.ts";

const entry = "gateway";

function reasonsOf(spans: typeof checkout, unflushed?: ReadonlySet<string>) {
  const completeness = completenessOf(createTrace("t1", spans, entry), {
    entry,
    ...(unflushed && { unflushed }),
  });
  return completeness.kind === "complete" ? [] : completeness.reasons;
}

function without(...lost: readonly string[]) {
  return checkout.filter(({ spanId }) => !lost.includes(spanId));
}

test("a trace with its root and all named parents is complete", () => {
  expect(reasonsOf(checkout)).toEqual([]);
});

test("what is missing is told, each by its kind", () => {
  expect(reasonsOf(without("root"))).toEqual([{ kind: "no-root" }, { kind: "parents-missing", spans: 1 }]);
  expect(reasonsOf(without("to-order"))).toEqual([{ kind: "parents-missing", spans: 1 }]);
  expect(reasonsOf(without("order"))).toEqual([{ kind: "parents-missing", spans: 2 }]);
  const second = span({ spanId: "again", kind: "server", parentSpanId: "another-load" });
  expect(reasonsOf([...checkout, second])).toEqual([{ kind: "several-roots", roots: 2 }]);
  const circle = [span({ spanId: "a", parentSpanId: "b" }), span({ spanId: "b", parentSpanId: "a" })];
  expect(reasonsOf([...checkout, ...circle])).toEqual([{ kind: "circles", circles: 1 }]);
  expect(reasonsOf(circle)).toEqual([{ kind: "no-root" }, { kind: "circles", circles: 1 }]);
});

test("a trace of a service that has not sent all it had is incomplete, though nothing named is missing", () => {
  expect(reasonsOf(checkout, new Set(["order", "user"]))).toEqual([
    { kind: "unflushed", services: ["order"] },
  ]);
  expect(reasonsOf(checkout, new Set(["user"]))).toEqual([]);
});

test("traces are counted by what they lack, duplicates too", () => {
  const of = (traceId: string, spans: typeof checkout) => spans.map((one) => ({ ...one, traceId }));
  const traces = groupTraces(
    [...of("whole", checkout), ...of("whole", checkout.slice(0, 2)), ...of("cut", without("order"))],
    entry,
  );
  expect(countCompleteness(traces.values(), { entry })).toEqual({
    traces: 2,
    incomplete: 1,
    byReason: { "no-root": 0, "parents-missing": 1, "several-roots": 0, circles: 0, unflushed: 0 },
    duplicates: 2,
    examples: ["cut"],
  });
});

test("whatever is withheld, sent again, or given another parent: complete only where nothing named is missing", () => {
  const changes = fc.record({
    kept: fc.subarray([...checkout], { minLength: 1 }),
    again: fc.subarray([...checkout]),
    parents: fc.dictionary(
      fc.constantFrom(...checkout.map(({ spanId }) => spanId)),
      fc.constantFrom("root", "order", "to-payment", "nowhere"),
    ),
  });
  fc.assert(
    fc.property(changes, ({ kept, again, parents }) => {
      const spans = [...kept, ...again].map((one) => ({
        ...one,
        parentSpanId: Object.hasOwn(parents, one.spanId) ? parents[one.spanId] : one.parentSpanId,
      }));
      const trace = createTrace("t1", spans, entry);
      expect(completenessOf(trace, { entry }).kind === "complete").toBe(trace.isComplete);
      // By walking: from each span to a beginning that may be one, over parents that are here.
      const byId = new Map(spans.toReversed().map((one) => [one.spanId, one]));
      const beginnings = new Set<string>();
      for (const start of byId.values()) {
        let one: (typeof spans)[number] | undefined = start;
        const seen = new Set<string>();
        while (one !== undefined && byId.has(one.parentSpanId ?? "") && !seen.has(one.spanId)) {
          seen.add(one.spanId);
          one = byId.get(one.parentSpanId ?? "");
        }
        const isBeginning = one !== undefined && !seen.has(one.spanId) && one.service === entry;
        const mayBegin = isBeginning && (one?.parentSpanId === undefined || one.kind === "server");
        beginnings.add(mayBegin ? (one?.spanId ?? "") : `none of ${start.spanId}`);
      }
      const walks = beginnings.size === 1 && ![...beginnings][0]?.startsWith("none");
      expect(trace.isComplete).toBe(walks);
    }),
  );
});
