import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startSpanSink } from "../service-kit/tracing/spans.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";

// What retries do to a catalog that has become slower than its callers' patience: each search is one call of the catalog.
let postgres: TestPostgres;
let catalog: TestService;
let toCatalog: TcpRelay;
beforeAll(async () => {
  postgres = await startPostgres();
  catalog = await startTestService({
    main: "catalog/main.ts",
    env: { DATABASE_URL: await postgres.database("catalog") },
  });
  toCatalog = await startTcpRelay(Number(new URL(catalog.url).port));
});
afterAll(async () => {
  await toCatalog[Symbol.asyncDispose]();
  await catalog[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

test.each([
  { patterns: "retries", searches: 40, isStorm: true },
  { patterns: "retries,+budget", searches: 200, isStorm: false },
  { patterns: "full", searches: 200, isStorm: false },
])(
  "with $patterns a slow catalog is asked as often as it should be",
  async ({ patterns, searches, isStorm }) => {
    const { byMetrics, byTraces, answered } = await attemptsASearch(patterns, searches);
    expect(answered, "a catalog that is well is asked once a search").toBe(1);
    if (isStorm) {
      expect(byMetrics).toBeGreaterThan(5);
      expect(byTraces).toBeGreaterThan(5);
    } else {
      expect(byMetrics).toBeLessThanOrEqual(1.2);
      expect(byTraces).toBeLessThanOrEqual(1.2);
    }
    expect(byTraces).toBeCloseTo(byMetrics, 2);
  },
);

async function attemptsASearch(
  patterns: string,
  searches: number,
): Promise<{ readonly byMetrics: number; readonly byTraces: number; readonly answered: number }> {
  await using sink = await startSpanSink();
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  await using gateway = await startTestService({
    main: "gateway/main.ts",
    env: {
      DATABASE_URL: await postgres.database(`gateway-${patterns}`),
      CATALOG_URL: `http://127.0.0.1:${toCatalog.port}`,
      USER_URL: nowhere,
      ORDER_URL: nowhere,
      PAYMENT_URL: nowhere,
      RECOMMENDATION_URL: nowhere,
      PATTERNS: patterns,
      OTEL_SERVICE_NAME: "gateway",
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    },
  });
  const search = async (): Promise<number> => (await gateway.request("GET", "/api/search?q=red")).status;
  expect(await search()).toBe(200);
  const well = await countsOf(gateway);

  toCatalog.become({ kind: "delay", requestsMs: 1_500 });
  const statuses = await Promise.all(Array.from({ length: searches }, search));
  toCatalog.become({ kind: "pass" });
  expect([503, 504]).toEqual(expect.arrayContaining([...new Set(statuses)]));
  const slow = await countsOf(gateway);

  expect(await gateway.stop()).toBe(0); // which sends the last spans
  const requests = new Set(
    sink.spans.filter(({ name }) => name === "GET /api/search").map(({ traceId }) => traceId),
  );
  expect(requests.size).toBe(searches + 1);
  const attempts = sink.spans.filter(
    ({ kind, attributes }) => kind === 3 && attributes["url.template"] === "/search",
  );
  return {
    answered: well.attempts / well.calls,
    byMetrics: (slow.attempts - well.attempts) / (slow.calls - well.calls),
    byTraces: (attempts.length - 1) / searches,
  };
}

async function countsOf(
  gateway: TestService,
): Promise<{ readonly calls: number; readonly attempts: number }> {
  const text = await waitFor("the gateway's metrics", async () => {
    const response = await fetch(`${gateway.url}/metrics`);
    return response.ok ? response.text() : undefined;
  });
  const sum = (name: string): number =>
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) && line.includes('callee="catalog"'))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
  return { calls: sum("callee_calls_total"), attempts: sum("callee_attempt_duration_seconds_count") };
}
