import { once } from "node:events";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestApp } from "./app.fixture.ts";
import { startTestService } from "./service.fixture.ts";
import { startSpanSink } from "./tracing/spans.fixture.ts";
import { waitFor } from "./wait.fixture.ts";

/** As Prometheus 2.42 asks. */
const prometheus =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

async function scrape(
  url: string,
  accept?: string,
): Promise<{ readonly type: string; readonly text: string }> {
  const response = await fetch(`${url}/metrics`, accept === undefined ? {} : { headers: { accept } });
  return { type: response.headers.get("content-type") ?? "", text: await response.text() };
}

describe("what a scraper is given", () => {
  const app = startTestApp("full", (routes) => routes.get("/things/:id", async () => ({})));
  afterAll(async () => (await app)[Symbol.asyncDispose]());

  it.each([
    undefined,
    "*/*",
    "text/plain",
    "text/html",
    "application/openmetrics-text;q=0.4,text/plain;q=0.5",
  ])("is Prometheus' text for who accepts %s", async (accept) => {
    const { type, text } = await scrape((await app).url, accept);
    expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text).toMatch(/^# TYPE callee_calls_total counter$/m);
    expect(text).not.toMatch(/# EOF| # \{/);
  });

  it("is OpenMetrics for who prefers it, at the same time as others get text", async () => {
    const { url } = await app;
    await fetch(`${url}/things/1`);
    const [open, plain, again] = await Promise.all([
      scrape(url, prometheus),
      scrape(url),
      scrape(url, prometheus),
    ]);
    for (const { type, text } of [open, again]) {
      expect(type).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
      expect(text).toMatch(/# EOF\n$/);
      expect(text).toMatch(/^# TYPE http_server_shed counter$/m);
      expect(text).not.toContain("_total_total");
    }
    expect(plain.text).toMatch(/^# TYPE http_server_shed_total counter$/m);
    expect(open.text).toMatch(/^http_server_request_duration_seconds_count\{.*route="\/things\/:id".*\} 1$/m);
  });

  it("counts a request whose client left as aborted, and as under way no more", async () => {
    await using slow = await startTestApp("full", (routes) => {
      routes.get("/for-ever", () => new Promise(() => undefined));
    });
    const leaving = request(`${slow.url}/for-ever`).end();
    const gone = once(leaving, "error");
    await waitFor(
      "it to be under way",
      async () => (await slow.metric("http_server_requests_in_flight")) === 1,
    );
    leaving.destroy();
    await gone;
    await waitFor("none under way", async () => (await slow.metric("http_server_requests_in_flight")) === 0);
    const aborted =
      'http_server_request_duration_seconds_count{method="GET",route="/for-ever",status="aborted"}';
    expect(await slow.metric(aborted)).toBe(1);
  });
});

describe("exemplars", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  it("lead from a bucket to the trace of a request, and of a statement, that fell in it", async () => {
    await using sink = await startSpanSink();
    await using notes = await startTestService({
      main: "service-kit/fixtures/notes.ts",
      env: {
        DATABASE_URL: await postgres.database("notes"),
        OTEL_SERVICE_NAME: "notes",
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      },
    });
    await notes.request("GET", "/notes");
    const { text } = await scrape(notes.url, prometheus);
    const span = await waitFor("the span of the request", () =>
      sink.spans.find(({ kind, name }) => kind === 2 && name === "GET /notes"),
    );
    for (const metric of ["http_server_request_duration_seconds", "database_query_duration_seconds"])
      expect(text).toMatch(
        new RegExp(
          `^${metric}_bucket\\{.*\\} \\d+ # \\{trace_id="${span.traceId}"\\} [\\d.e-]+ [\\d.]+$`,
          "m",
        ),
      );
    expect((await scrape(notes.url)).text).not.toContain(span.traceId);
  });
});
