import { expect, test } from "vitest";
import { fallbacksUsed } from "./fallbacks-used.ts";
import { call, prepared, server } from "./prepared.fixture.ts";
import { signsOf } from "./resilience-sign.ts";
import { span } from "./spans.fixture.ts";
import { swallowedErrors } from "./swallowed-errors.ts";

const root = server({ spanId: "root", name: "GET /page", endMs: 100 });
const failed = call({
  spanId: "bad",
  parentSpanId: "root",
  to: "reviews",
  startMs: 10,
  endMs: 20,
  status: 503,
});
const told = (name: string) => ({ events: [{ name, atMs: 20 }] });

test("a failure below a good root, with no sign of how it was dealt with, is told", () => {
  expect(swallowedErrors([prepared(root, failed), prepared(root, failed)])).toEqual([
    {
      operation: "gateway GET /page",
      failed: "gateway -> reviews",
      dealtWith: "none",
      spans: 2,
      traces: 2,
      traceId: "t1",
    },
  ]);
});

test("only where it began: whom it passed through is not told again", () => {
  const inner = server({
    spanId: "r",
    parentSpanId: "bad",
    service: "reviews",
    startMs: 11,
    endMs: 19,
    status: 503,
  });
  const cause = span({ spanId: "db", parentSpanId: "r", service: "reviews", kind: "client", isError: true });
  expect(swallowedErrors([prepared(root, failed, inner, cause)])).toMatchObject([
    { failed: "reviews -> unknown", spans: 1 },
  ]);
});

test("a root that failed swallowed nothing, and an answered 404 is no failure", () => {
  expect(swallowedErrors([prepared({ ...root, isError: true }, failed)])).toEqual([]);
  expect(swallowedErrors([prepared(server({ spanId: "root", status: 502 }), failed)])).toEqual([]);
  const missing = call({ spanId: "404", parentSpanId: "root", status: 404, isError: true });
  expect(swallowedErrors([prepared(root, missing)])).toEqual([]);
});

test.each([
  ["fallback served", "fallback"],
  ["fail-over", "failed-over"],
  ["retry", "retried"],
  ["hedge", "hedged"],
  ["something else", "none"],
])("a service that says %j dealt with it: %s", (name, dealtWith) => {
  expect(swallowedErrors([prepared({ ...root, ...told(name) }, failed)])).toMatchObject([{ dealtWith }]);
});

test("the same asked again deals with it, of another edge it does not", () => {
  const again = call({ spanId: "good", parentSpanId: "root", to: "reviews", startMs: 30, endMs: 40 });
  const other = call({ spanId: "good", parentSpanId: "root", to: "user", startMs: 30, endMs: 40 });
  expect(swallowedErrors([prepared(root, failed, again)])).toMatchObject([{ dealtWith: "retried" }]);
  expect(swallowedErrors([prepared(root, failed, other)])).toMatchObject([{ dealtWith: "none" }]);
});

test("those without a sign come first", () => {
  const quiet = { ...root, ...told("fallback served") };
  const found = swallowedErrors([prepared(quiet, failed), prepared(quiet, failed), prepared(root, failed)]);
  expect(found.map(({ dealtWith }) => dealtWith)).toEqual(["none", "fallback"]);
});

test("fallbacks are counted by name and by who served them, of how many", () => {
  const served = {
    ...root,
    ...told("fallback served"),
    attributes: { ...root.attributes, "shop.fallback": "popular" },
  };
  expect(
    fallbacksUsed([prepared(served), prepared(root), prepared({ ...root, ...told("fallback served") })]),
  ).toEqual([
    { fallback: "popular", operation: "gateway GET /page", spans: 1, traces: 1, ofTraces: 3, traceId: "t1" },
    { fallback: "unnamed", operation: "gateway GET /page", spans: 1, traces: 1, ofTraces: 3, traceId: "t1" },
  ]);
});

test("an event that is called like a member of every object is no sign", () => {
  expect(signsOf({ ...root, ...told("constructor") })).toEqual(new Set());
});
