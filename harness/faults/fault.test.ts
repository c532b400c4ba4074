import { createServer } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { checkDocument, plainDocument } from "../base/yaml-document.ts";
import { faultKinds, faultSchema } from "../experiment/fault.ts";
import { describeFault, injectFault } from "./fault.ts";
import { proxyApi } from "./proxy-api.ts";

// What each kind is in words, and what the proxy is asked for: read by a server that answers as the proxy would.
const asked: { path: string; body: unknown }[] = [];
const server = createServer((request, response) => {
  void text(request).then((body) => {
    asked.push({ path: `${request.method} ${request.url}`, body: JSON.parse(body) });
    response.end("{}");
  });
});
let url = "";

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => server.close());

function fault(yaml: string) {
  return checkDocument(plainDocument(parse(yaml), "x.yaml", "fault"), faultSchema());
}

async function wireOf(yaml: string) {
  asked.length = 0;
  await injectFault(fault(yaml), {
    api: proxyApi(url),
    proxy: "order->payment",
    toxic: "f1",
    lease: "run-f1",
    placeOf: (name) => `elsewhere/${name}`,
  });
  return asked[0];
}

const cases: readonly (readonly [yaml: string, words: string, type: string, attributes: object])[] = [
  [
    "latency: { edge: order -> payment, delay: 3s, jitter: 500ms }",
    "latency of 3 s ± 500 ms on order -> payment",
    "latency",
    { latency: 3_000, jitter: 500 },
  ],
  [
    "latency: { edge: order -> payment, delay: 40ms, jitter: 10ms, distribution: pareto }",
    "latency of 40 ms and on average 10 ms more (Pareto) on order -> payment",
    "latency",
    { latency: 40, jitter: 10, distribution: "pareto" },
  ],
  [
    "latency: { edge: order -> payment, delay: 40ms, jitter: 50ms, distribution: normal }",
    "latency of 40 ms ± 50 ms (normal) on order -> payment",
    "latency",
    { latency: 40, jitter: 50, distribution: "normal" },
  ],
  [
    "latency: { edge: order -> payment, values: [50ms, 5.5ms] }",
    "latency of 5.5 ms to 50 ms as recorded on order -> payment",
    "latency",
    { latency: 0, distribution: "replay", values: [50, 5.5] },
  ],
  [
    "http-status: { edge: order -> payment, match: POST /payments, status: 503, body: no, headers: { x-a: b } }",
    "answer 503 instead of POST /payments on order -> payment",
    "http_status",
    { match: "POST /payments", probability: 1, status: 503, body: "no", headers: { "x-a": "b" } },
  ],
  [
    "http-delay: { edge: order -> payment, delay: 200ms, every: 3 }",
    "delay of 200 ms before all calls, every 3rd call, on order -> payment",
    "http_delay",
    { every: 3, probability: 1, delay: 200, jitter: 0, before: "call" },
  ],
  [
    "http-delay: { edge: order -> payment, values: [5ms], before: piece, times: 1 }",
    "delay of 5 ms as recorded before each piece of answers of all calls, at most once, on order -> payment",
    "http_delay",
    { times: 1, probability: 1, delay: 0, distribution: "replay", values: [5], before: "piece" },
  ],
  [
    "http-abort: { edge: order -> payment, when: after-head, probability: 10% }",
    "reset amid answers of all calls, in 10 % of calls, on order -> payment",
    "http_abort",
    { probability: 0.1, when: "after-head" },
  ],
  [
    "http-lost-response: { edge: order -> payment, match: POST /payments, nth: 2 }",
    "lost answers of POST /payments, the 2nd call, on order -> payment",
    "http_lost_response",
    { match: "POST /payments", nth: 2, probability: 1, then: "reset" },
  ],
  [
    "http-lost-response: { edge: order -> payment, then: hang, match: { method: POST, headers: { x-a: b }, baggage: { cohort: treatment } }, times: 4 }",
    "lost answers (left hanging) of POST with header x-a: b and baggage cohort=treatment, at most 4 times, on order -> payment",
    "http_lost_response",
    {
      match: { method: "POST", headers: { "x-a": "b" }, baggage: { cohort: "treatment" } },
      times: 4,
      probability: 1,
      then: "hang",
    },
  ],
  [
    "http-duplicate: { edge: order -> payment, delay: 50ms, match: { trace-id: 0af7651916cd43dd8448eb211c80319c } }",
    "second delivery 50 ms later of calls with trace 0af7651916cd43dd8448eb211c80319c on order -> payment",
    "http_duplicate",
    { match: { trace_id: "0af7651916cd43dd8448eb211c80319c" }, probability: 1, delay: 50 },
  ],
  [
    "http-corrupt: { edge: order -> payment, bytes: 2B, after: cut }",
    'bytes changed (2 B) in answers of all calls, once "cut" was felt, on order -> payment',
    "http_corrupt",
    { after: "elsewhere/cut", probability: 1, bytes: 2 },
  ],
  [
    "http-corrupt: { edge: order -> payment, field: /total, value: null, after: { match: GET /a } }",
    "/total set to null in answers of all calls, after GET /a, on order -> payment",
    "http_corrupt",
    { after: { match: "GET /a" }, probability: 1, field: "/total", value: null },
  ],
  [
    "http-rate-limit: { edge: order -> payment, rate: 5/s, burst: 10, retry-after: 2s }",
    "limit of 5/s (10 at once) on all calls on order -> payment",
    "http_rate_limit",
    { probability: 1, rate: 5, burst: 10, retry_after: 2 },
  ],
  [
    "pg-delay: { edge: order -> payment, delay: 20ms, match: update stock, nth: 11 }",
    'delay of 20 ms before statements with "update stock", the 11th statement, on order -> payment',
    "pg_delay",
    { match: "update stock", nth: 11, probability: 1, delay: 20, jitter: 0 },
  ],
  [
    'pg-error: { edge: order -> payment, code: "40001", message: no }',
    "error 40001 instead of all statements on order -> payment",
    "pg_error",
    { probability: 1, code: "40001", message: "no" },
  ],
];

test.each(cases)("%s", async (yaml, words, type, attributes) => {
  expect(describeFault(fault(yaml))).toBe(words);
  expect(await wireOf(yaml)).toEqual({
    path: "POST /proxies/order-%3Epayment/toxics",
    body: {
      name: "f1",
      type,
      ...(/^(latency|http_corrupt)$/.test(type) ? { stream: "downstream" } : {}),
      toxicity: 1,
      attributes,
      lease: "run-f1",
    },
  });
});

test.each([
  [
    "http-truncate: { edge: order -> payment, bytes: 100B, stream: upstream }",
    "body cut off after 100 B in requests of all calls on order -> payment",
    { probability: 1, bytes: 100 },
  ],
  [
    "http-header: { edge: order -> payment, stream: upstream, set: { x-a: b }, remove: [etag] }",
    'header x-a set to "b" and etag removed in requests of all calls on order -> payment',
    { probability: 1, set: { "x-a": "b" }, remove: ["etag"] },
  ],
])("%s acts on the request", async (yaml, words, attributes) => {
  expect(describeFault(fault(yaml))).toBe(words);
  expect((await wireOf(yaml))?.body).toMatchObject({ stream: "upstream", attributes });
});

test("every kind of fault of calls is among these", () => {
  const shown = [...cases.map(([yaml]) => yaml), "http-truncate:", "http-header:"].map(
    (yaml) => yaml.split(":")[0],
  );
  const ofCalls = faultKinds.filter((kind) => /^(http|pg)-/.test(kind));
  expect(ofCalls.filter((kind) => !shown.includes(kind))).toEqual([]);
});
