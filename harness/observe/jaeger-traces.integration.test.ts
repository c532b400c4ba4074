import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { fakeJaeger, type StoredSpans } from "./jaeger.fixture.ts";
import { readJaegerTraces, type TraceSearch } from "./jaeger-traces.ts";

const zeroMs = 1_700_000_000_000;
const id = (number: number): string => number.toString(16).padStart(32, "0");
const spanId = (number: number): string => number.toString(16).padStart(16, "0");
const span = (
  service: string,
  trace: number,
  number: number,
  atMs: number,
  ...links: object[]
): StoredSpans => ({
  resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
  scopeSpans: [
    {
      spans: [
        {
          traceId: id(trace),
          spanId: spanId(number),
          name: `work of ${service}`,
          kind: 2,
          startTimeUnixNano: `${zeroMs + atMs}000000`,
          links,
          status: {},
        } as StoredSpans["scopeSpans"][number]["spans"][number],
      ],
    },
  ],
});
const search = (more: Partial<TraceSearch> = {}): TraceSearch => ({
  services: ["gateway", "order"],
  startMs: zeroMs,
  endMs: zeroMs + 10_000,
  wanted: new Set(),
  ...more,
});

test.each(["snake case", "camel case"] as const)(
  "traces of each service in the time are read, each span once, by a Jaeger whose names are in %s",
  async (names) => {
    await using jaeger = await fakeJaeger(
      [
        span("gateway", 1, 1, 10),
        span("order", 1, 2, 12),
        span("order", 2, 3, 9_999),
        span("order", 3, 4, 10_000),
        span("payment", 4, 5, 10),
      ],
      names,
    );
    const { spans, ...rest } = await readJaegerTraces(jaeger.url, search());
    expect(
      spans.map(({ service, traceId, startMs }) => [service, traceId, Math.round(startMs - zeroMs)]),
    ).toEqual([
      ["gateway", id(1), 10],
      ["order", id(1), 12],
      ["order", id(2), 9_999],
    ]);
    expect(rest).toEqual({ missingTraces: 0, cutSearches: 0 });
  },
);

test("where a search brings as many traces as it may, its time is divided until none is cut", async () => {
  const stored = Array.from({ length: 200 }, (_, number) =>
    span("order", number + 1, number + 1, number * 40),
  );
  await using jaeger = await fakeJaeger(stored);
  const read = await readJaegerTraces(jaeger.url, search({ services: ["order"] }), { searchDepth: 10 });
  expect(new Set(read.spans.map(({ traceId }) => traceId)).size).toBe(200);
  expect(read.cutSearches).toBe(0);
});

test("more traces at one moment than a search may bring are told as cut", async () => {
  const stored = Array.from({ length: 30 }, (_, number) => span("order", number + 1, number + 1, 5));
  await using jaeger = await fakeJaeger(stored);
  const read = await readJaegerTraces(jaeger.url, search({ services: ["order"] }), { searchDepth: 10 });
  expect(read.spans).toHaveLength(10);
  expect(read.cutSearches).toBe(1);
});

test("traces that are linked to or wanted and were not found are asked for by id; those that are not there are counted", async () => {
  await using jaeger = await fakeJaeger([
    span("order", 1, 1, 10, { traceId: id(2), spanId: spanId(2) }),
    span("gateway", 2, 2, -5_000),
    span("gateway", 3, 3, -6_000),
  ]);
  const wanted = new Set([id(3), id(4), id(5)]);
  const read = await readJaegerTraces(jaeger.url, search({ wanted }), { mostById: 3 });
  expect(read.spans.map(({ traceId }) => traceId).toSorted()).toEqual([id(1), id(3)]);
  expect(read.missingTraces).toBe(3);
  const all = await readJaegerTraces(jaeger.url, search({ wanted }));
  expect(all.spans.map(({ traceId }) => traceId).toSorted()).toEqual([id(1), id(2), id(3)]);
  expect(all.missingTraces).toBe(2);
});

test("a Jaeger that has nothing has no spans", async () => {
  await using jaeger = await fakeJaeger([]);
  expect(await readJaegerTraces(jaeger.url, search())).toEqual({
    spans: [],
    missingTraces: 0,
    cutSearches: 0,
  });
});

test("a time that ends before it begins is refused by Jaeger, in its words", async () => {
  await using jaeger = await fakeJaeger([span("order", 1, 1, 10)]);
  await expect(readJaegerTraces(jaeger.url, search({ endMs: zeroMs }))).rejects.toMatchObject({
    code: "SQUALL_USAGE",
    message: expect.stringContaining("query.startTimeMin must be before query.startTimeMax") as string,
  });
});

test.each([
  ["a page", 200, "<!doctype html>", "and not"],
  ["a page that is not found", 404, "<!doctype html>", "answered 404"],
  ["JSON of another kind", 200, '{"data":[]}', "and not"],
  [
    "an error of the storage",
    500,
    '{"error":{"httpCode":500,"message":"storage is down"}}',
    "storage is down",
  ],
  ["an error after a part", 200, '{"result":{}}\n{"error":{"message":"cut off"}}', "cut off"],
])("%s instead of traces is an error that says so", async (_, status, body, says) => {
  await using other = await answeringAlways(status, body);
  await expect(readJaegerTraces(other.url, search())).rejects.toMatchObject({
    code: "SQUALL_USAGE",
    message: expect.stringContaining(says) as string,
  });
});

test("an answer in parts, a line each, is read as one; kinds and 64-bit numbers may be names and text", async () => {
  const part = (spanId: string, kind: string): string =>
    JSON.stringify({
      result: {
        resourceSpans: [
          {
            resource: { attributes: [{ key: "service.name", value: { stringValue: "order" } }] },
            scopeSpans: [
              { scope: {}, spans: [{ traceId: id(1), spanId, kind, startTimeUnixNano: `${zeroMs}000000` }] },
            ],
          },
        ],
      },
    });
  const answer = `${part("0000000000000001", "SPAN_KIND_SERVER")}\n${part("0000000000000002", "SPAN_KIND_CLIENT")}\n`;
  await using other = await answeringAlways(200, answer);
  const { spans } = await readJaegerTraces(other.url, search());
  expect(spans.map(({ service, kind, startMs }) => [service, kind, startMs])).toEqual([
    ["order", "server", zeroMs],
    ["order", "client", zeroMs],
  ]);
});

test("a server that is not there is an error that says why", async () => {
  const gone = await fakeJaeger([]);
  await gone[Symbol.asyncDispose]();
  await expect(readJaegerTraces(gone.url, search())).rejects.toMatchObject({
    code: "SQUALL_USAGE",
    message: expect.stringContaining("ECONNREFUSED") as string,
  });
});

async function answeringAlways(
  status: number,
  body: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
