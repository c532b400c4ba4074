import { expect, test } from "vitest";
import type { JournalLine } from "../record/journal.ts";
import { unsentSpans, type UnsentEvidence } from "./unsent-spans.ts";

const injected = { event: "fault-injected", fault: "f1", faultKind: "kill", detail: "" } as const;
const kill: JournalLine = { atMs: 20_000, ...injected, process: "order" };

function evidence(journal: readonly JournalLine[], replicas: Readonly<Record<string, number>> = {}) {
  const span = (service: string, endMs: number) => ({ service, startMs: endMs - 10, endMs });
  return {
    journal,
    // Sent before the kill, by another, and by the next process of the same name.
    spans: [span("order", 19_000), span("order", 19_600), span("user", 19_900), span("order", 24_000)],
    target: { services: { order: { calls: { payment: {}, "order-db": {} } }, user: { calls: {} } } },
    record: { fleet: { replicas } },
  } as unknown as UnsentEvidence;
}

test("a killed service took with it what ended after the last span that came of it", () => {
  const callees = new Set(["payment", "order-db"]);
  expect(unsentSpans(evidence([kill]))).toEqual([
    { service: "order", why: "killed", callees, fromMs: 19_600, toMs: 20_000 },
  ]);
});

test("of several replicas one was killed, and the others' spans say nothing of it", () => {
  expect(unsentSpans(evidence([kill], { order: 2 }))).toMatchObject([{ fromMs: 15_000, toMs: 20_000 }]);
});

test("a store that is killed has no spans to lose, and neither has an edge that is broken", () => {
  expect(unsentSpans(evidence([{ ...kill, process: "order-db" }]))).toEqual([]);
  expect(unsentSpans(evidence([{ atMs: 20_000, ...injected, edge: "order -> payment" }]))).toEqual([]);
});

test("a service that was still sending when the collection ended may have more, from then on", () => {
  const collected: JournalLine = {
    atMs: 60_000,
    event: "collected",
    detail: "",
    unsent: [{ service: "user", sinceMs: 58_000 }],
  };
  expect(unsentSpans(evidence([collected]))).toEqual([
    { service: "user", why: "unflushed", fromMs: 58_000, toMs: Infinity },
  ]);
});
