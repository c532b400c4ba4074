import { afterEach, beforeEach, expect, it } from "vitest";
import { startPath, type CallOptions, type Path } from "./http.fixture.ts";

let path: Path;

beforeEach(async () => {
  path = await startPath();
});
afterEach(() => path[Symbol.asyncDispose]());

const traceId = "0af7651916cd43dd8448eb211c80319c";
const traced = { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } };

it.each<[match: unknown, taken: [string, string, CallOptions?], left: [string, string, CallOptions?]]>([
  ["GET", ["GET", "/orders"], ["POST", "/orders"]],
  ["/orders", ["GET", "/orders?page=2"], ["GET", "/orders/1"]],
  ["/orders/*", ["GET", "/orders/1/items"], ["GET", "/orders"]],
  ["/ord*", ["GET", "/orders"], ["GET", "/or"]],
  ["POST /orders/:id", ["POST", "/orders/17?x=/"], ["POST", "/orders/17/items"]],
  ["/orders/:id/items/*", ["PUT", "/orders/17/items/2"], ["PUT", "/orders//items/2"]],
  [{ method: "PUT", path: "/a/:b" }, ["PUT", "/a/1"], ["GET", "/a/1"]],
  [
    { headers: { "X-Tenant": "Blue" } },
    ["GET", "/", { headers: { "x-tenant": "Blue" } }],
    ["GET", "/", { headers: { "x-tenant": "blue" } }],
  ],
  [
    { baggage: { cohort: "treat ment" } },
    ["GET", "/", { headers: { baggage: "a=1, cohort=treat%20ment;ttl=3" } }],
    ["GET", "/", { headers: { baggage: "cohort=control" } }],
  ],
  [{ trace_id: traceId }, ["GET", "/", traced], ["GET", "/"]],
  [{}, ["GET", "/"], ["GET", "http://elsewhere/x"]],
])("a match of %j takes what fits and nothing else", async (match, taken, left) => {
  await path.add("http_status", { status: 418, match });
  expect(await path.outcome(...left)).toBe(JSON.stringify(match) === "{}" ? 418 : 200);
  expect(await path.outcome(...taken)).toBe(418);
});

it.each<[attributes: object, statuses: readonly number[]]>([
  [{ nth: 2 }, [200, 418, 200, 200, 200, 200]],
  [{ every: 3 }, [200, 200, 418, 200, 200, 418]],
  [{ times: 2 }, [418, 418, 200, 200, 200, 200]],
  [{ every: 2, times: 1 }, [200, 418, 200, 200, 200, 200]],
  [{ probability: 0 }, [200, 200, 200, 200, 200, 200]],
])("%j takes by the count of matching calls on one connection", async (attributes, statuses) => {
  await path.add("http_status", { status: 418, match: "/counted", ...attributes });
  const seen: number[] = [];
  for (const _ of statuses) {
    seen.push((await path.call("GET", "/counted")).status);
    await path.call("GET", "/other"); // does not count
  }
  expect(seen).toEqual(statuses);
  const taken = statuses.filter((status) => status === 418).length;
  expect(await path.requests()).toEqual([6, taken, taken]);
});

it("a probability is drawn for each call, not each connection", async () => {
  await path.add("http_status", { status: 418, probability: 0.3 });
  const statuses: number[] = [];
  for (let index = 0; index < 100; index += 1) statuses.push((await path.call("GET", "/")).status);
  const taken = statuses.filter((status) => status === 418).length;
  expect(taken).toBeGreaterThan(10);
  expect(taken).toBeLessThan(60);
  expect(path.callee.connections).toBe(1);
  expect(await path.requests()).toEqual([100, taken, taken]);
});

it("after a match: only once a call was seen that fits it", async () => {
  await path.add("http_status", { status: 418, match: "GET", after: { match: "POST /orders" } });
  expect(await path.outcome("GET", "/orders")).toBe(200);
  expect(await path.outcome("POST", "/orders")).toBe(200);
  expect(await path.outcome("GET", "/orders")).toBe(418);
});

it("after another toxic: only once that has affected a call", async () => {
  await path.add("http_header", { set: { "x-seen": "1" }, match: "/first" }, { name: "first" });
  await path.add("http_status", { status: 418, after: "edge/first", match: "/second" });
  expect(await path.outcome("GET", "/second")).toBe(200);
  expect(await path.outcome("GET", "/first")).toBe(200);
  expect(await path.outcome("GET", "/second")).toBe(418);
});

it.each([
  [{ status: 503, match: "post /orders" }, "attributes.match", "expected a match such as"],
  [
    { status: 503, match: { methd: "GET" } },
    "attributes.match",
    'unknown key \\"methd\\", did you mean \\"method\\"?',
  ],
  [{ status: 503, match: { path: "orders" } }, "attributes.match.path", "expected a path without query"],
  [{ status: 99 }, "attributes.status", "from 200 to 599"],
  [
    { status: 503, headers: { "content-length": "1" } },
    "attributes.headers.content-length",
    "expected the name of a header other than",
  ],
  [{ status: 503, headers: { "x-a": "1\r\nx-b: 2" } }, "attributes.headers.x-a", "without line ends"],
])("%j is refused with the field and what was expected", async (attributes, field, expected) => {
  const { status, text } = await path.proxy.call("POST", "/proxies/edge/toxics", {
    type: "http_status",
    attributes,
  });
  expect(status).toBe(400);
  expect(text).toContain(`${field}: `);
  expect(text).toContain(expected);
});

it.each([
  ["http_status", {}],
  ["http_header", {}],
  ["http_header", { remove: ["Host"] }],
  ["http_header", { set: { Connection: "close" } }],
  ["http_corrupt", { field: "/a" }],
  ["http_corrupt", { field: "a", value: 1 }],
  ["http_corrupt", { bytes: 1, field: "/a", value: 1 }],
  ["http_corrupt", { value: 1 }],
  ["http_delay", {}],
  ["http_delay", { delay: 1, before: "lunch" }],
  ["http_delay", { delay: 1, distribution: "replay" }],
  ["http_abort", { when: "never" }],
  ["http_lost_response", { then: "sing" }],
  ["http_rate_limit", { rate: 0 }],
  ["http_truncate", { bytes: -1 }],
  ["http_duplicate", { delay: 0.5 }],
])("%s with %j is refused", async (type, attributes) => {
  const reply = await path.proxy.call("POST", "/proxies/edge/toxics", { type, attributes });
  expect(reply.status).toBe(400);
});

it("attributes given back by the API are accepted as they are", async () => {
  for (const [type, attributes] of [
    ["http_status", { status: 503, match: { headers: { a: "b" } } }],
    ["http_header", { set: { a: " b " } }],
    ["http_corrupt", { field: "/a", value: null }],
    ["http_corrupt", {}],
    ["http_delay", { delay: 1, distribution: "replay", values: [1] }],
    ["http_rate_limit", { rate: 0.5 }],
  ] as const) {
    const toxic = await path.proxy.addToxic({ type, name: "same", attributes });
    await path.proxy.expectOk("PATCH", "/proxies/edge/toxics/same", { attributes: toxic.attributes });
    expect((await path.proxy.toxic("same")).attributes).toEqual(toxic.attributes);
    await path.proxy.removeToxic("same");
  }
});
