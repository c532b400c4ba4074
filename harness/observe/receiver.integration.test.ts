import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { SpanKind, trace, ROOT_CONTEXT } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resources, tracing } from "@opentelemetry/sdk-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { waitFor } from "../base/wait.ts";
import { decodeSpans, readSpans } from "../record/otlp.ts";
import { parseExposition } from "./exposition.ts";
import { flushReceiver, receiverStats, setSink } from "./receiver-client.ts";
import { contentTypes } from "./otlp/export-answer.ts";
import { encodeRequest, responseType, statusType } from "./otlp/otlp-proto.fixture.ts";
import { startReceiver } from "./receiver.ts";

type Compression = NonNullable<NonNullable<ConstructorParameters<typeof JsonExporter>[0]>["compression"]>;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-receiver-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function exportRequest(service: string, ...names: readonly string[]) {
  const spans = names.map((name, index) => ({
    traceId: "a".repeat(32),
    spanId: `${index + 1}`.padStart(16, "0"),
    name,
    startTimeUnixNano: "1700000000000000000",
  }));
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  return { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] };
}

/** A request and its answer in either encoding; a span named `broken` has no id. */
const encodings = {
  json: {
    body: (service: string, ...names: readonly string[]) => {
      const request = exportRequest(service, ...names);
      for (const span of request.resourceSpans[0]?.scopeSpans[0]?.spans ?? [])
        if (span.name === "broken") span.spanId = "";
      return Buffer.from(JSON.stringify(request));
    },
    answer: (body: Buffer): unknown => JSON.parse(body.toString()),
  },
  protobuf: {
    body: (service: string, ...names: readonly string[]) => {
      const attributes = [{ key: "service.name", value: { stringValue: service } }];
      const spans = names.map((name, index) => ({
        traceId: Buffer.alloc(16, 0xaa),
        spanId: Buffer.alloc(name === "broken" ? 0 : 8, index + 1),
        name,
        startTimeUnixNano: "1700000000000000000",
      }));
      return encodeRequest({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] });
    },
    answer: (body: Buffer): unknown => responseType.decode(body).toJSON(),
  },
} as const;

function post(url: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers } };
  return fetch(`${url}/v1/traces`, { ...init, body: new Uint8Array(Buffer.from(body)) });
}

const noStats = {
  spans: 0,
  requests: 0,
  bytes: 0,
  dropped: 0,
  rejected: 0,
  duplicates: { requests: 0, spans: 0 },
  refused: 0,
  services: {},
};

test.each([
  ["json", "gzip", JsonExporter],
  ["json", "none", JsonExporter],
  ["protobuf", "gzip", ProtobufExporter],
  ["protobuf", "none", ProtobufExporter],
] as const)(
  "what the SDK exports in %s with %s compression is in the file, whole",
  async (encoding, compression, Exporter) => {
    await using receiver = await startReceiver();
    const file = join(folder, `sdk-${encoding}-${compression}.jsonl`);
    await setSink(receiver.url, file);
    const exporter = new Exporter({
      url: `${receiver.url}/v1/traces`,
      compression: compression as Compression,
    });
    const provider = new tracing.BasicTracerProvider({
      resource: resources.resourceFromAttributes({ "service.name": "order" }),
      spanProcessors: [new tracing.BatchSpanProcessor(exporter)],
    });
    const tracer = provider.getTracer("test");
    const root = tracer.startSpan("POST /orders", { kind: SpanKind.SERVER });
    const child = tracer.startSpan(
      "POST",
      { kind: SpanKind.CLIENT, attributes: { "server.port": 4000, "url.full": 'http://a/\n\u2028"é' } },
      trace.setSpan(ROOT_CONTEXT, root),
    );
    child.end();
    root.end();
    await provider.shutdown();

    const spans = readSpans(file);
    expect(spans.map(({ service, name, kind }) => ({ service, name, kind }))).toEqual(
      expect.arrayContaining([
        { service: "order", name: "POST /orders", kind: "server" },
        { service: "order", name: "POST", kind: "client" },
      ]),
    );
    const [decoded] = spans.filter(({ kind }) => kind === "client");
    expect(decoded).toMatchObject({
      parentSpanId: root.spanContext().spanId,
      attributes: { "server.port": 4000, "url.full": 'http://a/\n\u2028"é' },
    });
    expect(receiver.stats).toMatchObject({
      spans: 2,
      dropped: 0,
      refused: 0,
      services: { order: { spans: 2 } },
    });
  },
);

test("each request is a line of its own, as it came, whatever line breaks it had between tokens", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "lines.jsonl");
  await setSink(receiver.url, file);
  const sent = exportRequest("order", "one", "a\nb");
  const response = await post(receiver.url, JSON.stringify(sent, null, 2).replaceAll("\n", "\r\n"));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({});
  await post(receiver.url, JSON.stringify(exportRequest("payment", "two")));
  await flushReceiver(receiver.url);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => decodeSpans(JSON.parse(line)).length)).toEqual([2, 1]);
  expect(JSON.parse(lines[0] ?? "")).toEqual(sent);
});

test("without a sink spans are counted and dropped; a new sink takes over and the old is closed", async () => {
  await using receiver = await startReceiver();
  const [first, second] = [join(folder, "first.jsonl"), join(folder, "second.jsonl")];
  const bodies = ["a", "b", "c", "d", "e"].map((name) => JSON.stringify(exportRequest("order", name)));
  const [one, two, three, four, five] = bodies as [string, string, string, string, string];
  await post(receiver.url, one);
  await setSink(receiver.url, first);
  await post(receiver.url, two);
  await setSink(receiver.url, second);
  await post(receiver.url, three);
  await post(receiver.url, four);
  await setSink(receiver.url, null);
  await post(receiver.url, five);
  expect(readSpans(first).map(({ name }) => name)).toEqual(["b"]);
  expect(readSpans(second).map(({ name }) => name)).toEqual(["c", "d"]);
  const bytes = 5 * one.length;
  const stats = await receiverStats(receiver.url);
  expect(stats).toMatchObject({ spans: 5, requests: 5, bytes, dropped: 2 });
  expect(stats.services).toMatchObject({ order: { spans: 5, bytes } });
});

test("each service was last heard of when its spans came", async () => {
  await using receiver = await startReceiver();
  const before = systemClock.nowMs();
  await post(receiver.url, JSON.stringify(exportRequest("order", "one")));
  const between = systemClock.nowMs();
  await waitFor(
    { what: "the clock to go on", withinMs: 1_000, everyMs: 1 },
    () => systemClock.nowMs() > between,
  );
  await post(receiver.url, JSON.stringify(exportRequest("payment", "two")));
  const { order, payment } = (await receiverStats(receiver.url)).services;
  expect(order?.lastReceivedAtMs).toBeGreaterThanOrEqual(before);
  expect(order?.lastReceivedAtMs).toBeLessThanOrEqual(between);
  expect(payment?.lastReceivedAtMs).toBeGreaterThan(between);
});

test("a request that comes again while its sender waited too long is written once, and counted", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "again.jsonl");
  await setSink(receiver.url, file);
  for (const _ of [1, 2, 3]) expect((await post(receiver.url, sound)).status).toBe(200);
  await post(receiver.url, JSON.stringify(exportRequest("order", "two")));
  expect(readSpans(file).map(({ name }) => name)).toEqual(["one", "two"]);
  expect(receiver.stats).toMatchObject({ spans: 2, requests: 2, duplicates: { requests: 2, spans: 2 } });
});

test.each(["json", "protobuf"] as const)(
  "spans in %s that cannot be placed are told to their sender, and the others are kept",
  async (encoding) => {
    await using receiver = await startReceiver();
    const file = join(folder, `rejected-${encoding}.jsonl`);
    await setSink(receiver.url, file);
    const { answer, body } = encodings[encoding];
    const response = await post(receiver.url, body("order", "kept", "broken", "broken"), {
      "content-type": contentTypes[encoding],
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(contentTypes[encoding]);
    expect(answer(Buffer.from(await response.arrayBuffer()))).toEqual({
      partialSuccess: {
        rejectedSpans: "2",
        errorMessage: expect.stringContaining("trace id of 16 bytes") as string,
      },
    });
    expect(readSpans(file).map(({ name }) => name)).toEqual(["kept"]);
    expect(receiver.stats).toMatchObject({ spans: 1, rejected: 2, refused: 0 });
  },
);

test("spans that cannot be written are told to their sender", async () => {
  await using receiver = await startReceiver();
  await setSink(receiver.url, "/dev/full");
  const response = await post(receiver.url, sound);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    partialSuccess: { rejectedSpans: "1", errorMessage: expect.stringContaining("ENOSPC") as string },
  });
  expect(receiver.stats).toMatchObject({
    dropped: 1,
    sinkError: expect.stringContaining("ENOSPC") as string,
  });
});

test("in protobuf, an answer without complaint is empty and an error is a status", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "protobuf.jsonl");
  await setSink(receiver.url, file);
  const headers = { "content-type": "application/x-protobuf" };
  const body = encodings.protobuf.body("order", "one");
  const taken = await post(receiver.url, body, headers);
  expect(taken.status).toBe(200);
  expect(taken.headers.get("content-type")).toBe("application/x-protobuf");
  expect((await taken.arrayBuffer()).byteLength).toBe(0);
  const refused = await post(receiver.url, body.subarray(0, -1), headers);
  expect(refused.status).toBe(400);
  const told = statusType.decode(Buffer.from(await refused.arrayBuffer())).toJSON();
  expect(told).toEqual({ message: expect.stringContaining("longer than what it is in") as string });
  expect(readSpans(file)).toHaveLength(1);
  expect(receiver.stats).toMatchObject({
    requests: 1,
    refused: 1,
    refusedBecause: expect.stringContaining("longer than what it is in") as string,
  });
});

test("a sink that exists is appended to", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "append.jsonl");
  for (const _ of [1, 2]) {
    await setSink(receiver.url, file);
    await post(receiver.url, JSON.stringify(exportRequest("order", "one")));
    await setSink(receiver.url, null);
  }
  expect(readSpans(file)).toHaveLength(2);
});

test("a sink in a folder that is not there is refused, and the old one stays", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "stays.jsonl");
  await setSink(receiver.url, file);
  await expect(setSink(receiver.url, join(folder, "none", "x.jsonl"))).rejects.toMatchObject({
    code: "SQUALL_FILE",
    message: expect.stringContaining("ENOENT") as string,
  });
  await expect(setSink(receiver.url, "relative.jsonl")).rejects.toMatchObject({ code: "SQUALL_FILE" });
  await post(receiver.url, JSON.stringify(exportRequest("order", "one")));
  expect(readSpans(file)).toHaveLength(1);
});

test("a request that holds no spans writes no line", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "empty.jsonl");
  await setSink(receiver.url, file);
  for (const body of ["{}", '{"resourceSpans":[]}'])
    expect((await post(receiver.url, body)).status).toBe(200);
  expect(readFileSync(file, "utf8")).toBe("");
});

const main = fileURLToPath(new URL("receiver-main.ts", import.meta.url));
const sound = JSON.stringify(exportRequest("order", "one"));

test.each<
  [title: string, body: string | Buffer, headers: Record<string, string>, status: number, says: string]
>([
  ["what is no JSON", sound.slice(0, -1), {}, 400, "expected JSON"],
  ["what is no export request", '{"resourceSpans":5}', {}, 400, "expected an OTLP export request"],
  ["protobuf that is none", "x", { "content-type": "application/x-protobuf" }, 400, "cut off"],
  [
    "another type",
    sound,
    { "content-type": "text/plain" },
    415,
    "application/x-protobuf or application/json",
  ],
  ["another compression", sound, { "content-encoding": "br" }, 415, "expected content-encoding gzip"],
  ["gzip that is none", sound, { "content-encoding": "gzip" }, 400, "expected gzip"],
  [
    "a bomb",
    gzipSync(Buffer.alloc(20_000_000)),
    { "content-encoding": "gzip" },
    413,
    "at most 8000000 bytes",
  ],
])("%s is refused and counted, and nothing is written", async (title, body, headers, status, says) => {
  await using receiver = await startReceiver();
  const file = join(folder, `refused ${title}.jsonl`);
  await setSink(receiver.url, file);
  const response = await post(receiver.url, body, headers);
  expect(response.status).toBe(status);
  expect(await response.text()).toContain(says);
  expect(readFileSync(file, "utf8")).toBe("");
  expect(receiver.stats).toEqual({
    ...noStats,
    refused: 1,
    refusedBecause: expect.stringContaining(says) as string,
  });
  expect((await post(receiver.url, sound)).status).toBe(200);
});

test.each(["content-length", "chunked"])(
  "a body over 8 MB is refused by %s, not buffered",
  async (framing) => {
    await using receiver = await startReceiver();
    const sending = httpRequest(`${receiver.url}/v1/traces`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(framing === "chunked" ? {} : { "content-length": 9_000_000 }),
      },
    });
    // The receiver closes the connection under the rest of the body.
    sending.on("error", () => undefined);
    const answered = once(sending, "response");
    if (framing === "chunked") sending.write(Buffer.alloc(8_500_000, 0x20));
    else sending.flushHeaders();
    const [response] = (await answered) as [{ statusCode: number; resume(): void }];
    expect(response.statusCode).toBe(413);
    response.resume();
    sending.destroy();
    expect((await post(receiver.url, sound)).status).toBe(200);
  },
);

test("another path is 404 and says what there is", async () => {
  await using receiver = await startReceiver();
  const response = await fetch(`${receiver.url}/v1/metrics`, { method: "POST", body: "{}" });
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("POST /v1/traces");
});

test("a port that is taken is an error of its own", async () => {
  await using receiver = await startReceiver();
  await expect(startReceiver({ listen: receiver.address })).rejects.toMatchObject({
    code: "SQUALL_PORT_IN_USE",
  });
});

test("a receiver that is gone is said to be", async () => {
  const receiver = await startReceiver();
  await receiver[Symbol.asyncDispose]();
  await expect(receiverStats(receiver.url)).rejects.toMatchObject({ code: "SQUALL_TIMEOUT" });
});

test("as a process it says where it listens, and SIGTERM ends it with what it took on disk", async () => {
  const child = spawn(process.execPath, [main, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  try {
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const url = `http://${(JSON.parse(line) as { listen: string }).listen}`;
    const file = join(folder, "process.jsonl");
    await setSink(url, file);
    await post(url, sound);
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect(readSpans(file)).toHaveLength(1);
  } finally {
    child.kill("SIGKILL");
  }
});

test("as a process it refuses an address that is none", async () => {
  const child = spawn(process.execPath, [main, "--listen", "nowhere"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = once(createInterface(child.stderr), "line");
  expect(await once(child, "exit")).toEqual([3, null]);
  expect(await said).toEqual(["--listen: expected an address such as 127.0.0.1:0, got nowhere"]);
});

test("GET /metrics tells what came, what became of it, and what the receiver's process takes", async () => {
  await using receiver = await startReceiver();
  await setSink(receiver.url, join(folder, "metrics.jsonl"));
  const body = encodings.json.body("order", "a", "b", "broken");
  for (const sent of [body, body, "no request"]) await (await post(receiver.url, sent)).body?.cancel();
  const response = await fetch(`${receiver.url}/metrics`);
  const type = response.headers.get("content-type") ?? "";
  const { samples } = parseExposition(await response.text(), type);
  const valueOf = Object.fromEntries(samples.map(({ series, value }) => [series, value]));
  expect(valueOf).toMatchObject({
    'squall_receiver_spans_total{service="order"}': 2,
    squall_receiver_rejected_spans_total: 1,
    squall_receiver_dropped_spans_total: 0,
    'squall_receiver_requests_total{outcome="taken"}': 1,
    'squall_receiver_requests_total{outcome="duplicate"}': 1,
    'squall_receiver_requests_total{outcome="refused"}': 1,
    squall_receiver_bytes_total: body.length,
    squall_receiver_forward_waiting_requests: 0,
  });
  expect(valueOf["process_cpu_seconds_total"]).toBeGreaterThan(0);
  const documented = readFileSync("docs/run-metrics.md", "utf8");
  for (const { series } of samples) expect(documented).toContain(`| \`${series.replace(/\{.*/, "")}`);
});
