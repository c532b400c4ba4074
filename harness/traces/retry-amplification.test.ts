import { expect, test } from "vitest";
import type { Span } from "../record/span.ts";
import { call, prepared, server } from "./prepared.fixture.ts";
import { retryAmplification } from "./retry-amplification.ts";

/** Each tier asks the next three times, and each time fails. */
function tiers(names: readonly string[], parentSpanId: string, startMs: number, endMs: number): Span[] {
  const [caller = "", callee, ...rest] = names;
  if (callee === undefined) return [];
  const third = (endMs - startMs) / 3;
  return [0, 1, 2].flatMap((attempt) => {
    const id = `${parentSpanId}.${attempt}`;
    const start = startMs + attempt * third;
    const times = { startMs: start, endMs: start + third * 0.9 };
    return [
      call({ spanId: id, parentSpanId, service: caller, to: callee, status: 503, ...times }),
      server({ spanId: `${id}s`, parentSpanId: id, service: callee, status: 503, ...times }),
      ...tiers([callee, ...rest], `${id}s`, times.startMs, times.endMs),
    ];
  });
}

test("three tiers of three attempts make 27 calls of one", () => {
  const trace = prepared(
    server({ spanId: "root", name: "GET /", endMs: 2_700, status: 503 }),
    ...tiers(["gateway", "order", "payment", "bank"], "root", 0, 2_700),
  );
  const { edges, requests, requestsRetried } = retryAmplification([trace]);
  expect(
    edges.map(({ edge, calls, firstCalls, retries, amplification }) => [
      edge,
      calls,
      firstCalls,
      retries,
      amplification,
    ]),
  ).toEqual([
    ["payment -> bank", 27, 1, 18, 27],
    ["order -> payment", 9, 1, 6, 9],
    ["gateway -> order", 3, 1, 2, 3],
  ]);
  expect(requests).toEqual([
    {
      traceId: "t1",
      operation: "gateway GET /",
      edge: "payment -> bank",
      calls: 27,
      firstCalls: 1,
      amplification: 27,
    },
  ]);
  expect(requestsRetried).toBe(1);
});

test("calls that were not retried amplify nothing; over an edge it is the mean, with the worst request", () => {
  const once = prepared(
    server({ spanId: "root", endMs: 100 }),
    call({ spanId: "a", parentSpanId: "root", to: "order", endMs: 10 }),
    call({ spanId: "b", parentSpanId: "root", to: "order", startMs: 20, endMs: 30 }),
  );
  expect(retryAmplification([once])).toEqual({ edges: [], requests: [], requestsRetried: 0 });
  const twice = prepared(
    server({ traceId: "t2", spanId: "root", endMs: 100 }),
    call({ traceId: "t2", spanId: "a", parentSpanId: "root", to: "order", endMs: 10, status: 503 }),
    call({ traceId: "t2", spanId: "b", parentSpanId: "root", to: "order", startMs: 20, endMs: 30 }),
  );
  expect(retryAmplification([once, twice]).edges).toEqual([
    {
      edge: "gateway -> order",
      calls: 4,
      firstCalls: 3,
      retries: 1,
      amplification: 4 / 3,
      worst: { traceId: "t2", amplification: 2 },
    },
  ]);
});
