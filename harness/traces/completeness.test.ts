import fc from "fast-check";
import { expect, test } from "vitest";
import { completenessOf, countCompleteness, whyIncomplete, type UnsentSpans } from "./completeness.ts";
import { checkout, ports, span } from "./spans.fixture.ts";
import { createTrace, groupTraces } from "./trace.ts";

const entry = "gateway";

function reasonsOf(spans: typeof checkout, ...unsent: readonly UnsentSpans[]) {
  const completeness = completenessOf(createTrace("t1", spans, entry), { entry, unsent, ports });
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

function unsent(service: string, fromMs: number, toMs: number): UnsentSpans {
  return { service, why: "unflushed", fromMs, toMs };
}

test("a trace that met a service when it had not sent all it had is incomplete, though nothing named is missing", () => {
  const found = [{ kind: "unflushed", services: ["order"] }];
  // The order service was at work from 6 to 114.
  expect(reasonsOf(checkout, unsent("order", 100, Infinity), unsent("user", 0, 200))).toEqual(found);
  expect(reasonsOf(checkout, unsent("order", 115, Infinity))).toEqual([]);
  expect(reasonsOf(checkout, unsent("order", -10, 5))).toEqual([]);
  expect(reasonsOf(checkout, unsent("user", 0, 200))).toEqual([]);
});

test("a call of a killed service, under way or just answered, may have lost all that the service did for it", () => {
  const killed: UnsentSpans = { service: "payment", why: "killed", fromMs: 60, toMs: 90 };
  // It was called from 10 to 110, and no span of its own is here.
  expect(reasonsOf(checkout, killed)).toEqual([{ kind: "killed", services: ["payment"] }]);
  expect(reasonsOf(checkout, { ...killed, fromMs: 120, toMs: 130 })).toEqual([]);
  expect(
    countCompleteness([createTrace("t1", checkout, entry)], { entry, unsent: [killed], ports }),
  ).toMatchObject({
    incomplete: 1,
    excused: 1,
    byReason: { killed: 1 },
  });
});

test("spans without their parent, of whom the killed service calls, are its torn work", () => {
  const killed: UnsentSpans = { service: "gateway", why: "killed", fromMs: 60, toMs: 90 };
  const torn = without("root", "to-order");
  const countOf = (one: UnsentSpans) =>
    countCompleteness([createTrace("t1", torn, entry)], { entry, unsent: [one], ports }).excused;
  expect(countOf(killed)).toBe(0);
  expect(countOf({ ...killed, callees: new Set(["order"]) })).toBe(1);
  expect(countOf({ ...killed, callees: new Set(["user"]) })).toBe(0);
  expect(countOf({ ...killed, callees: new Set(["order"]), fromMs: 2_000, toMs: 2_100 })).toBe(0);
});

test("what a trace lacks is told in words", () => {
  expect(
    whyIncomplete([
      { kind: "no-root" },
      { kind: "parents-missing", spans: 2 },
      { kind: "several-roots", roots: 3 },
      { kind: "circles", circles: 1 },
      { kind: "unflushed", services: ["order", "user"] },
      { kind: "killed", services: ["payment"] },
    ]),
  ).toBe(
    "its root never arrived; the parents of 2 spans never arrived; it has 3 beginnings; its parents go in a circle; " +
      "order and user had not sent all of it when the run ended; what payment had not sent of it when killed is lost",
  );
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
    excused: 0,
    byReason: { "no-root": 0, "parents-missing": 1, "several-roots": 0, circles: 0, unflushed: 0, killed: 0 },
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
