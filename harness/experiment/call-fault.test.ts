import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkDocument, plainDocument, problemsIn } from "../base/yaml-document.ts";
import { parseTarget } from "../target/load-target.ts";
import { targetEdges } from "../target/target-edge.ts";
import { blastRadius } from "./blast-radius.ts";
import { faultSchema } from "./fault.ts";
import { parseExperiment } from "./load-experiment.ts";

const kioskFile = join(import.meta.dirname, "../../test/corpus/target.yaml");
const kiosk = parseTarget(parse(readFileSync(kioskFile, "utf8")), kioskFile);

/** One fault, as an experiment on the kiosk would have it. */
function fault(yaml: string) {
  return checkDocument(plainDocument(parse(yaml), "x.yaml", "fault"), faultSchema(targetEdges(kiosk)));
}

function problems(yaml: string): readonly string[] {
  return problemsIn(plainDocument(parse(yaml), "x.yaml", "fault"), faultSchema(targetEdges(kiosk))).map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

const edge = { caller: "front", callee: "stock" };
const everyCall = {
  match: undefined,
  nth: undefined,
  every: undefined,
  times: undefined,
  after: undefined,
  probabilityRatio: 1,
};

test.each([
  ["http-status: { edge: front -> stock, status: 503 }", { kind: "http-status", edge, status: 503 }],
  ["http-delay: { edge: front -> stock, delay: 20ms }", { before: "call", delayMs: 20, jitterMs: 0 }],
  ["http-abort: { edge: front -> stock }", { when: "before-call" }],
  ["http-lost-response: { edge: front -> stock }", { ending: "reset" }],
  ["http-duplicate: { edge: front -> stock }", { delayMs: 0 }],
  ["http-truncate: { edge: front -> stock }", { sizeBytes: 0, stream: "downstream" }],
  ["http-corrupt: { edge: front -> stock }", { change: { of: "bytes", sizeBytes: 1 }, stream: "downstream" }],
  [
    "http-header: { edge: front -> stock, remove: [etag] }",
    { set: {}, remove: ["etag"], stream: "downstream" },
  ],
  [
    "http-rate-limit: { edge: front -> stock, rate: 5/s }",
    { ratePerSecond: 5, burst: 1, retryAfterMs: 1_000 },
  ],
  ["pg-delay: { edge: stock -> stock-db, delay: 20ms }", { delayMs: 20 }],
  ["pg-error: { edge: stock -> stock-db, code: '40001' }", { code: "40001" }],
])("what is left out of %s has the documented default, and every call is taken", (yaml, expected) => {
  expect(fault(yaml)).toMatchObject({ ...expected, calls: everyCall });
});

describe("a match", () => {
  test.each([
    ["POST /sales/:id", { method: "POST", path: "/sales/:id" }],
    ["/sales/*", { path: "/sales/*" }],
    ["GET", { method: "GET" }],
    ["{ method: POST, path: /sales/:id }", { method: "POST", path: "/sales/:id" }],
    [
      "{ headers: { x-shard: a }, baggage: { cohort: treatment } }",
      { headers: { "x-shard": "a" }, baggage: { cohort: "treatment" } },
    ],
    ["{ trace-id: 0af7651916cd43dd8448eb211c80319c }", { traceId: "0af7651916cd43dd8448eb211c80319c" }],
  ])("of HTTP: %s", (yaml, match) => {
    const { calls } = fault(`http-abort: { edge: front -> stock, match: ${yaml} }`) as {
      calls: { match: object };
    };
    expect(Object.fromEntries(Object.entries(calls.match).filter(([, part]) => part !== undefined))).toEqual(
      match,
    );
  });

  test.each([["update stock set *"], ["{ statement: update stock set * }"]])("of PostgreSQL: %s", (yaml) => {
    expect(fault(`pg-delay: { edge: stock -> stock-db, delay: 1ms, match: ${yaml} }`)).toMatchObject({
      calls: { match: "update stock set *" },
    });
  });

  test.each([
    ["POST sales"],
    ["/sales /more"],
    ["GET /a b"],
    ["GET POST /a"],
    ["GRAB /a"],
    ["/sales#top"],
    ["/sa*les"],
    ["sales"],
    ["''"],
  ])("that means nothing is refused: %s", (match) => {
    expect(problems(`http-abort: { edge: front -> stock, match: ${match} }`)).toEqual([
      expect.stringMatching(/^http-abort\.match: expected a call such as "POST \/orders\/:id"/),
    ]);
  });
});

test("recorded delays are a replay without saying so", () => {
  expect(fault("latency: { edge: front -> stock, values: [5ms, 50ms] }")).toMatchObject({
    distribution: "replay",
    valuesMs: [5, 50],
  });
});

test("a jitter above the delay is refused where it is even, and has its meaning where it is not", () => {
  const delay = (more: string): string =>
    `latency: { edge: front -> stock, delay: 20ms, jitter: 30ms${more} }`;
  expect(problems(delay(""))).toEqual(['latency.jitter: expected at most the delay, got "30ms"']);
  expect(fault(delay(", distribution: pareto"))).toMatchObject({ distribution: "pareto", jitterMs: 30 });
});

test("an edge speaks what its target says: a store its kind, a call its scheme, the clients HTTP", () => {
  expect(targetEdges(kiosk).map(({ callee, protocol }) => [callee, protocol])).toEqual([
    ["front", "http"],
    ["stock", "http"],
    ["stock-db", "postgresql"],
    ["smtp", "smtp"],
  ]);
});

test.each([
  ["https://{address}", "https"],
  ["{address}", "http"],
])("a call of %s is one of %s", (value, protocol) => {
  const document = structuredClone(kiosk.document) as {
    services: { front: { calls: { stock: { value: string } } } };
  };
  document.services.front.calls.stock.value = value;
  expect(targetEdges(parseTarget(document, kioskFile))[1]?.protocol).toBe(protocol);
});

describe("the blast radius", () => {
  const experiment = (...faults: readonly string[]) =>
    parseExperiment(
      {
        ...(parse(readFileSync(join(kioskFile, "../experiment.yaml"), "utf8")) as object),
        faults: faults.map((yaml) => parse(yaml) as unknown),
      },
      "/x.yaml",
    );

  test("of faults that take a number of calls is that many calls at most", () => {
    const radius = blastRadius(
      experiment(
        "http-abort: { edge: front -> stock, nth: 2 }",
        "http-abort: { edge: front -> stock, match: GET, times: 3 }",
      ),
      kiosk,
    );
    expect(radius).toMatchObject({ edges: ["front -> stock"], mostCalls: 4 });
  });

  test("of a fault that takes a share of calls has no such limit", () => {
    const radius = blastRadius(experiment("http-abort: { edge: front -> stock, probability: 1% }"), kiosk);
    expect(radius).not.toHaveProperty("mostCalls");
  });
});
