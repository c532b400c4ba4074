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
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resources, tracing } from "@opentelemetry/sdk-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeSpans, readSpans } from "../record/otlp.ts";
import { flushReceiver, receiverStats, setSink } from "./receiver-client.ts";
import { startReceiver } from "./receiver.ts";

type Compression = NonNullable<
  NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>["compression"]
>;

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

function post(url: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers } };
  return fetch(`${url}/v1/traces`, { ...init, body: new Uint8Array(Buffer.from(body)) });
}

const noStats = { spans: 0, requests: 0, bytes: 0, dropped: 0, byService: {} };

test.each(["gzip", "none"] as const)(
  "what the SDK exports with %s compression is in the file, whole",
  async (compression) => {
    await using receiver = await startReceiver();
    const file = join(folder, `sdk-${compression}.jsonl`);
    await setSink(receiver.url, file);
    const exporter = new OTLPTraceExporter({
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
    expect(receiver.stats).toMatchObject({ spans: 2, dropped: 0, byService: { order: 2 } });
  },
);

test("each request is a line of its own, as it came, whatever line breaks it had between tokens", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "lines.jsonl");
  await setSink(receiver.url, file);
  const sent = exportRequest("order", "one", "a\nb");
  const response = await post(receiver.url, JSON.stringify(sent, null, 2).replaceAll("\n", "\r\n"));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ partialSuccess: {} });
  await post(receiver.url, JSON.stringify(exportRequest("payment", "two")));
  await flushReceiver(receiver.url);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => decodeSpans(JSON.parse(line)).length)).toEqual([2, 1]);
  expect(JSON.parse(lines[0] ?? "")).toEqual(sent);
});

test("without a sink spans are counted and dropped; a new sink takes over and the old is closed", async () => {
  await using receiver = await startReceiver();
  const [first, second] = [join(folder, "first.jsonl"), join(folder, "second.jsonl")];
  const body = JSON.stringify(exportRequest("order", "one"));
  await post(receiver.url, body);
  await setSink(receiver.url, first);
  await post(receiver.url, body);
  await setSink(receiver.url, second);
  await post(receiver.url, body);
  await post(receiver.url, body);
  await setSink(receiver.url, null);
  await post(receiver.url, body);
  expect(readSpans(first)).toHaveLength(1);
  expect(readSpans(second)).toHaveLength(2);
  expect(await receiverStats(receiver.url)).toEqual({
    spans: 5,
    requests: 5,
    bytes: 5 * body.length,
    dropped: 2,
    byService: { order: 5 },
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
  [
    "protobuf",
    "x",
    { "content-type": "application/x-protobuf" },
    415,
    "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
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
])("%s is refused and nothing is written or counted", async (title, body, headers, status, says) => {
  await using receiver = await startReceiver();
  const file = join(folder, `refused ${title}.jsonl`);
  await setSink(receiver.url, file);
  const response = await post(receiver.url, body, headers);
  expect(response.status).toBe(status);
  expect(await response.text()).toContain(says);
  expect(readFileSync(file, "utf8")).toBe("");
  expect(receiver.stats).toEqual(noStats);
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
