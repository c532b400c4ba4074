import { describe, expect, test } from "vitest";
import { blame } from "./blame.ts";
import { contributionOf } from "./contribution.ts";
import { prepareTrace, type PreparedTrace } from "./prepared-trace.ts";
import { call, prepared, query, server } from "./prepared.fixture.ts";
import { shopPorts, shopTraces, type ShopTraces } from "./shop-traces.fixture.ts";
import { createTrace } from "./trace.ts";

/** 80 ms of the gateway's own and so many of its store's. */
function visits(
  count: number,
  storeMs: (index: number) => number,
  fails: (index: number) => boolean = () => false,
) {
  return Array.from({ length: count }, (_, index) => {
    const startMs = index * 1_000;
    const traceId = `t${index}`;
    const endMs = startMs + 10 + storeMs(index);
    return prepared(
      server({ traceId, spanId: "root", startMs, endMs: endMs + 70, name: "GET /page" }),
      query({
        traceId,
        spanId: "q",
        parentSpanId: "root",
        of: "db",
        startMs: startMs + 10,
        endMs,
        isError: fails(index),
      }),
    );
  });
}

test("what each place adds by itself makes up the whole, and a failure counts where it began", () => {
  const trace = prepared(
    server({ spanId: "root", endMs: 100, status: 502 }),
    call({ spanId: "c", parentSpanId: "root", startMs: 10, endMs: 90, status: 502 }),
    server({ spanId: "s", parentSpanId: "c", service: "order", startMs: 20, endMs: 80, status: 502 }),
    query({
      spanId: "q",
      parentSpanId: "s",
      service: "order",
      of: "db",
      startMs: 30,
      endMs: 60,
      isError: true,
    }),
  );
  const { parts } = contributionOf(trace);
  expect(Object.fromEntries(parts)).toEqual({
    gateway: { ms: 20, spans: 1, failed: 0 },
    "gateway -> order": { ms: 20, spans: 1, failed: 0 },
    order: { ms: 30, spans: 1, failed: 0 },
    "order -> db": { ms: 30, spans: 1, failed: 1 },
  });
});

test("an edge that takes 100 ms more is blamed for all of it, and nobody else", () => {
  const { blamed, meanMs, tests, growth } = blame(
    visits(60, () => 20),
    visits(60, () => 120),
  );
  expect(meanMs).toEqual({ baseline: 100, fault: 200 });
  expect({ tests, growth }).toEqual({ tests: 4, growth: 1 }); // two places, time and errors of each
  expect(blamed).toEqual([
    {
      place: "gateway -> db",
      kind: "edge",
      time: { baselineMs: 20, faultMs: 120, share: 1, traces: { baseline: 60, fault: 60 } },
      errors: undefined,
      traceIds: ["t0", "t1", "t2"],
    },
  ]);
});

test("what is within the margin, a tenth of how long the traces took, is no change", () => {
  expect(
    blame(
      visits(60, () => 20),
      visits(60, () => 30),
    ).blamed,
  ).toEqual([]); // of 100 ms
  expect(
    blame(
      visits(60, () => 20),
      visits(60, () => 31),
    ).blamed,
  ).toHaveLength(1);
});

test("one burst is no change, however slow", () => {
  expect(
    blame(
      visits(100, () => 20),
      visits(100, (index) => (index < 20 ? 2_000 : 20)),
    ).blamed,
  ).toEqual([]);
});

test("an edge that begins to fail is blamed by how many of its calls did", () => {
  const { blamed } = blame(
    visits(60, () => 20),
    visits(
      60,
      () => 20,
      (index) => index % 4 === 0,
    ),
  );
  expect(blamed).toMatchObject([
    {
      place: "gateway -> db",
      time: undefined,
      errors: { baseline: { failed: 0, of: 60 }, fault: { failed: 15, of: 60 }, share: 1, traces: 15 },
    },
  ]);
});

test("too few traces prove nothing, and it says of whom", () => {
  const { blamed, untested } = blame(
    visits(29, () => 20),
    visits(60, () => 500),
  );
  expect(blamed).toEqual([]);
  expect(untested).toEqual(["gateway", "gateway -> db"]);
  expect(blame([], [])).toMatchObject({ blamed: [], traces: { baseline: 0, fault: 0 } });
});

test("traces that are incomplete, or of an operation that the baseline lacks, are not compared", () => {
  const piece = prepared(server({ spanId: "x", parentSpanId: "lost", service: "order" }));
  const other = prepared(server({ spanId: "y", name: "GET /new" }));
  expect(
    blame(
      visits(60, () => 20),
      [...visits(60, () => 20), piece, other],
    ),
  ).toMatchObject({
    traces: { baseline: 60, fault: 60 },
    leftOut: 1,
  });
});

describe("on traces as a shop makes them, with long tails, drift and standstills", () => {
  const shop = (options: ShopTraces): readonly PreparedTrace[] =>
    [...shopTraces(options)].map((spans) =>
      prepareTrace(createTrace(spans[0]?.traceId ?? "", spans, "gateway"), shopPorts),
    );
  const compare = (seed: number, changed: Partial<ShopTraces> = {}) =>
    blame(
      shop({ seed: `${seed}/baseline`, traces: 300 }),
      shop({ seed: `${seed}/fault`, traces: 450, ...changed }),
    ).blamed.map(({ place }) => place);

  test.each(["order -> payment", "order -> order-db", "notification -> smtp", "payment -> gateway-a"])(
    "a fault on %s names it first, slow or failing",
    (edge) => {
      expect(compare(1, { fault: { edge, addedMs: 150 } })[0]).toBe(edge);
      expect(compare(2, { fault: { edge, failing: 0.4 } })[0]).toBe(edge);
    },
  );

  test("two sets without a change blame nobody, over 12 seeds", () => {
    for (let seed = 0; seed < 12; seed += 1) expect(compare(seed), `seed ${seed}`).toEqual([]);
  });

  test("a machine that is slower as a whole is nobody's fault", () => {
    expect(compare(3, { slowdown: 2 })).toEqual([]);
  });
});

test("a failure because a pattern forbade the call began with the callee, not with whoever was forbidden to call", () => {
  const refused = prepared(
    server({
      spanId: "root",
      status: 503,
      endMs: 5,
      events: [{ name: "not sent", atMs: 2, attributes: { "shop.callee": "order" } }],
    }),
  );
  expect(Object.fromEntries(contributionOf(refused).parts)).toEqual({
    gateway: { ms: 5, spans: 1, failed: 0 },
    "gateway -> order": { ms: 0, spans: 1, failed: 1 },
  });
});
