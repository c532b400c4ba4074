import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../../../test/free-port.fixture.ts";
import { startPostgres, type TestPostgres } from "../../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service.fixture.ts";
import { waitFor } from "../wait.fixture.ts";
import { startSpanSink, type SpanSink, type TestSpan } from "./spans.fixture.ts";

/** Real processes of a service, and a listener that decodes what they send. */

let postgres: TestPostgres;
let sink: SpanSink;
let upstream: Server;
/** What upstream answers next by path, oldest first; 200 when there is nothing. */
const answers = new Map<string, number[]>();

beforeAll(async () => {
  [postgres, sink] = await Promise.all([startPostgres(), startSpanSink()]);
  upstream = createServer(({ url = "" }, response) =>
    response.writeHead(answers.get(url)?.shift() ?? 200).end("{}"),
  );
  await once(upstream.listen(0, "127.0.0.1"), "listening");
});
afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await sink[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

async function startAsking(name: string, env: Readonly<Record<string, string>>): Promise<TestService> {
  return startTestService({
    main: "service-kit/fixtures/asking.ts",
    env: {
      DATABASE_URL: await postgres.database(name.replaceAll("-", "_")),
      UPSTREAM_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
      OTEL_SERVICE_NAME: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      OTEL_EXPORTER_JAEGER_ENDPOINT: sink.jaegerUrl,
      ...env,
    },
  });
}

let traces = 0;
function newTraceId(): string {
  traces += 1;
  return `a${traces.toString(16).padStart(31, "0")}`;
}

/** Asks within a trace of its own. @returns its id */
async function ask(service: TestService, id: string): Promise<string> {
  const traceId = newTraceId();
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  expect((await service.request("GET", `/things/${id}`, undefined, headers)).status).toBe(200);
  return traceId;
}

const ofTrace = (traceId: string): readonly TestSpan[] =>
  sink.spans.filter((span) => span.traceId === traceId);

it.concurrent(
  "a stop in the midst of requests loses no span of any that was answered, on whichever way",
  async () => {
    await using service = await startAsking("stopped", {
      // A machine that is busy must not have it answer without having asked.
      PATTERNS: "none",
      TRACES: "both",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    });
    const answered: string[] = [];
    let isStopping = false;
    const askOn = async (): Promise<void> => {
      for (;;)
        try {
          answered.push(await ask(service, "t-1"));
        } catch (error) {
          if (isStopping) return; // it listens no more
          throw error;
        }
    };
    const clients = Array.from({ length: 6 }, askOn);
    await waitFor("load", () => answered.length > 100);
    isStopping = true;
    expect(await service.stop("SIGTERM")).toBe(0);
    await Promise.all(clients);
    expect(service.log()).not.toContain("trouble with tracing");
    for (const way of ["application/x-protobuf", "application/x-thrift"]) {
      const namesOf = Map.groupBy(
        sink.spans.filter((span) => span.service === "stopped" && span.way === way),
        ({ traceId }) => traceId,
      );
      const whole = answered.filter((traceId) => {
        const names = (namesOf.get(traceId) ?? []).map(({ kind, name }) => `${kind} ${name}`);
        return ["2 GET /things/:id", "3 INSERT asked", "3 GET /things/:id"].every((name) =>
          names.includes(name),
        );
      });
      expect([way, whole.length]).toEqual([way, answered.length]);
    }
  },
);

it.concurrent("spans carry today's conventions, and calls what the patterns did", async () => {
  await using service = await startAsking("patterned", { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" });
  answers.set("/things/again", [503]);
  const traceId = await ask(service, "again");
  await waitFor("the trace", () => ofTrace(traceId).some(({ kind }) => kind === 2));
  const spans = ofTrace(traceId);
  const [server] = spans.filter(({ kind }) => kind === 2);
  const calls = spans.filter(({ kind, name }) => kind === 3 && name === "GET /things/:id");
  const query = spans.find(({ name }) => name === "INSERT asked");
  expect(server).toMatchObject({
    name: "GET /things/:id",
    attributes: {
      "http.request.method": "GET",
      "http.route": "/things/:id",
      "http.response.status_code": 200,
      "url.path": "/things/again",
      "url.scheme": "http",
      "shop.retry.attempt": 2,
      "shop.retry.reason": "status 503",
    },
    events: [{ name: "retry", attributes: { "shop.callee": "upstream", "shop.attempt": 2 } }],
  });
  expect(server?.attributes).not.toHaveProperty("client.address");
  expect(query?.attributes).toMatchObject({
    "db.system.name": "postgresql",
    "db.namespace": "patterned",
    "db.query.summary": "INSERT asked",
    "db.query.text": "insert into asked values ($1)",
  });
  const { port } = upstream.address() as AddressInfo;
  const ofCall = {
    "shop.callee": "upstream",
    "shop.breaker.state": "closed",
    "http.request.method": "GET",
    "url.template": "/things/:id",
    "url.full": `http://127.0.0.1:${port}/things/again`,
    "server.address": "127.0.0.1",
    "server.port": port,
  };
  expect(calls.map(({ attributes }) => attributes)).toEqual([
    expect.objectContaining({ ...ofCall, "http.response.status_code": 503, "error.type": "503" }),
    expect.objectContaining({
      ...ofCall,
      "http.response.status_code": 200,
      "http.request.resend_count": 1,
      "shop.retry.reason": "status 503",
    }),
  ]);
  for (const absent of ["http.request.resend_count", "http.request.method_original", "shop.hedge"])
    expect(calls[0]?.attributes).not.toHaveProperty(absent);
  for (const { attributes } of calls) {
    expect(attributes["shop.deadline.left_ms"]).toBeGreaterThan(0);
    expect(attributes["shop.deadline.left_ms"]).toBeLessThanOrEqual(1_000);
  }
  // No convention that was replaced is left.
  const old =
    /^(http\.(method|url|target|status_code|host|scheme|flavor)|net\.|db\.(system|statement|name|user)$)/;
  expect(spans.flatMap(({ attributes }) => Object.keys(attributes)).filter((key) => old.test(key))).toEqual(
    [],
  );

  answers.set(
    "/things/broken",
    Array.from({ length: 40 }, () => 500),
  );
  for (let asked = 0; asked < 8; asked += 1) await ask(service, "broken");
  const refused = await waitFor("a call that the breaker refused", () =>
    sink.spans.find(
      (span) => span.service === "patterned" && span.attributes["shop.not_sent.reason"] === "breaker-open",
    ),
  );
  expect(refused).toMatchObject({
    kind: 2,
    attributes: { "shop.fallback": "thing" },
    events: [{ name: "not sent" }, { name: "fallback served" }],
  });
});

it.concurrent(
  "of traces that begin elsewhere a service records what their caller records, and of its own what it is told to",
  async () => {
    await using service = await startAsking("sampled", { OTEL_TRACES_SAMPLER: "parentbased_always_off" });
    await service.request("GET", "/things/own");
    await service.request("GET", "/things/unsampled", undefined, {
      traceparent: `00-${newTraceId()}-b7ad6b7169203331-00`,
    });
    const traceId = await ask(service, "sampled");
    expect(await service.stop()).toBe(0);
    const recorded = sink.spans.filter((span) => span.service === "sampled");
    expect(recorded.length).toBeGreaterThan(0);
    expect(new Set(recorded.map((span) => span.traceId))).toEqual(new Set([traceId]));
  },
);

it.concurrent("a service whose spans nobody takes stops as well, and says that they are lost", async () => {
  const nobody = `http://127.0.0.1:${await freePort()}/api/traces`;
  await using service = await startAsking("unheard", {
    TRACES: "jaeger",
    OTEL_EXPORTER_JAEGER_ENDPOINT: nobody,
  });
  await ask(service, "t-1");
  expect(await service.stop()).toBe(0);
  expect(service.log()).toMatch(/trouble with tracing|not all spans could be sent/);
});

it.concurrent(
  "a service that is told to trace in a way that there is not does not start, and says what there is",
  async () => {
    await expect(startAsking("misled", { TRACES: "zipkin" })).rejects.toThrow(
      /TRACES: expected one of otlp, jaeger, both, none, got \\?"zipkin\\?"/,
    );
  },
);
