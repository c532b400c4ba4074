import { expect, test } from "vitest";
import type { Span } from "../record/span.ts";
import { hasFailed, isLostToHedge } from "./has-failed.ts";
import { call, server } from "./prepared.fixture.ts";
import { createTrace } from "./trace.ts";

const root = server({ spanId: "root", endMs: 100 });
const url = "http://127.0.0.1:41001/products/1";

function ask(spanId: string, startMs: number, endMs: number, status: number | "none", of = url): Span {
  const attributes = { "url.full": of };
  return call({ spanId, parentSpanId: "root", startMs, endMs, status, isError: false, attributes });
}

function nodeOf(id: string, ...spans: readonly Span[]) {
  const node = createTrace("t1", [root, ...spans]).nodes.find(({ span }) => span.spanId === id);
  if (node === undefined) throw new Error(`no ${id}`);
  return node;
}

test("a call that its caller cancelled because another attempt at the same was answered first has not failed", () => {
  const lost = nodeOf("first", ask("first", 0, 31, "none"), ask("second", 20, 30, 200));
  expect([isLostToHedge(lost), hasFailed(lost)]).toEqual([true, false]);
  const hedge = nodeOf("second", ask("first", 0, 30, 200), ask("second", 20, 31, "none"));
  expect([isLostToHedge(hedge), hasFailed(hedge)]).toEqual([true, false]);
  // Its start is told in whole milliseconds: it went out as the answer came.
  const late = nodeOf("second", ask("first", 0, 30, 200), ask("second", 31, 33, "none"));
  expect(hasFailed(late)).toBe(false);
});

test.each<[string, readonly Span[]]>([
  ["nothing was asked beside it", []],
  ["what was asked beside it was something else", [ask("other", 20, 30, 200, `${url}2`)]],
  ["the other attempt failed too", [ask("other", 20, 30, 503)]],
  ["the other attempt was answered only after it had given up", [ask("other", 20, 90, 200)]],
  ["the same was asked only afterwards: a retry", [ask("other", 32, 40, 200)]],
])("an abort without an answer is a failure where %s: it may be a timeout", (_, beside) => {
  const node = nodeOf("cut", ask("cut", 0, 31, "none"), ...beside);
  expect([isLostToHedge(node), hasFailed(node)]).toEqual([false, true]);
});

test("a call with error status has failed, whatever was answered beside it", () => {
  const broken = { ...ask("broken", 0, 31, "none"), isError: true };
  expect(hasFailed(nodeOf("broken", broken, ask("second", 20, 30, 200)))).toBe(true);
});
