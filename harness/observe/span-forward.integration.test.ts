import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import { forwardSpans } from "../engine/forward-spans.ts";
import { exportAnswer } from "./otlp/export-answer.ts";
import { encodeRequest } from "./otlp/otlp-proto.fixture.ts";
import { setForward } from "./receiver-client.ts";
import { startReceiver } from "./receiver.ts";
import { startForward, tracesUrl, type ForwardedRequest } from "./span-forward.ts";

function bodyOf(...names: readonly string[]): Buffer {
  const spans = names.map((name, index) => ({
    traceId: Buffer.alloc(16, 0xaa),
    spanId: Buffer.alloc(8, index + 1),
    name,
    startTimeUnixNano: "1700000000000000000",
  }));
  return encodeRequest({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

async function post(url: string, body: Buffer, headers: Record<string, string> = {}): Promise<number> {
  const init = { method: "POST", headers: { "content-type": "application/x-protobuf", ...headers } };
  return (await fetch(`${url}/v1/traces`, { ...init, body: new Uint8Array(body) })).status;
}

interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly received: { readonly headers: IncomingMessage["headers"]; readonly body: Buffer }[];
}

/** An endpoint that keeps what it is sent, and answers as it is told. */
async function endpoint(answer: (response: ServerResponse, request: number) => void): Promise<Endpoint> {
  const received: { headers: IncomingMessage["headers"]; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks) });
      answer(response, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answering(...statuses: readonly number[]): (response: ServerResponse, request: number) => void {
  return (response, request) => response.writeHead(statuses[request - 1] ?? statuses.at(-1) ?? 200).end();
}

const request = (body: Buffer): ForwardedRequest => ({
  contentType: "application/x-protobuf",
  contentEncoding: undefined,
  body,
  spans: 1,
});

test("what is taken is passed on as it came, compressed or not, and once", async () => {
  await using receiver = await startReceiver();
  await using other = await endpoint(answering(200));
  await setForward(receiver.url, `${other.url}/v1/traces`);
  const [plain, zipped] = [bodyOf("one", "two"), gzipSync(bodyOf("three"))];
  expect(await post(receiver.url, plain)).toBe(200);
  expect(await post(receiver.url, zipped, { "content-encoding": "gzip" })).toBe(200);
  expect(await post(receiver.url, Buffer.from("{}"), { "content-type": "application/json" })).toBe(200);
  expect(await post(receiver.url, plain.subarray(0, -1))).toBe(400);
  const ended = await setForward(receiver.url, null);
  expect(ended).toMatchObject({
    sent: { requests: 2, spans: 3 },
    failed: { requests: 0 },
    dropped: { requests: 0 },
  });
  const inOrder = other.received.toSorted((one, another) => another.body.length - one.body.length);
  expect(inOrder.map(({ body }) => body)).toEqual([plain, zipped]);
  expect(inOrder.map(({ headers }) => [headers["content-type"], headers["content-encoding"]])).toEqual([
    ["application/x-protobuf", undefined],
    ["application/x-protobuf", "gzip"],
  ]);
  expect(await post(receiver.url, bodyOf("after"))).toBe(200);
  expect(receiver.stats.forward).toBeUndefined();
});

test("another receiver is an endpoint too, and what it does not take is counted", async () => {
  await using receiver = await startReceiver();
  await using other = await endpoint((response) =>
    response
      .writeHead(200, { "content-type": "application/x-protobuf" })
      .end(exportAnswer("protobuf", { spans: 300, why: "storage is full" })),
  );
  await setForward(receiver.url, `${other.url}/v1/traces`);
  await post(receiver.url, bodyOf("one"));
  expect(await setForward(receiver.url, null)).toMatchObject({
    sent: { requests: 1 },
    rejectedSpans: 300,
    lastError: "storage is full",
  });
});

test("an endpoint that never answers delays no sender; the end waits for its bound and counts the rest as dropped", async () => {
  await using other = await endpoint(() => undefined);
  const forward = startForward(`${other.url}/v1/traces`);
  for (const name of ["a", "b", "c", "d", "e"]) forward.offer(request(bodyOf(name)));
  await waitFor({ what: "four to be under way", withinMs: 5_000 }, () => other.received.length === 4);
  expect(forward.stats).toMatchObject({ waitingRequests: 1, sent: { requests: 0 } });
  expect(await forward.end(50)).toMatchObject({ sent: { requests: 0 }, dropped: { requests: 5, spans: 5 } });
});

test("what waits is bounded in bytes, and what does not fit is counted as dropped", async () => {
  let answerAll: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (answerAll = resolve));
  await using other = await endpoint((response) => void held.then(() => response.end()));
  const body = bodyOf("a");
  const forward = startForward(`${other.url}/v1/traces`, { waitLimitBytes: 6 * body.length });
  for (let sent = 0; sent < 10; sent += 1) forward.offer(request(body));
  expect(forward.stats).toMatchObject({ dropped: { requests: 4 } });
  answerAll();
  expect(await forward.end(5_000)).toMatchObject({ sent: { requests: 6 }, dropped: { requests: 4 } });
});

test("a busy endpoint is tried again, four times in all; one that refuses is not", async () => {
  await using busy = await endpoint(answering(503, 429, 200));
  const patient = startForward(`${busy.url}/v1/traces`, { pauseMs: 1 });
  patient.offer(request(bodyOf("a")));
  expect(await patient.end(5_000)).toMatchObject({ sent: { requests: 1 }, failed: { requests: 0 } });
  await using down = await endpoint(answering(503));
  const vain = startForward(`${down.url}/v1/traces`, { pauseMs: 1 });
  vain.offer(request(bodyOf("a")));
  expect(await vain.end(5_000)).toMatchObject({ failed: { requests: 1 }, lastError: "answered 503" });
  expect(down.received).toHaveLength(4);
  await using picky = await endpoint(answering(400));
  const refused = startForward(`${picky.url}/v1/traces`);
  refused.offer(request(bodyOf("a")));
  expect(await refused.end(5_000)).toMatchObject({ failed: { requests: 1 }, lastError: "answered 400" });
  expect(picky.received).toHaveLength(1);
});

test("an endpoint that is not there fails nobody, and says why", async () => {
  const gone = await endpoint(answering(200));
  await gone[Symbol.asyncDispose]();
  const forward = startForward(`${gone.url}/v1/traces`, { pauseMs: 1 });
  forward.offer(request(bodyOf("a")));
  expect(await forward.end(5_000)).toMatchObject({
    failed: { requests: 1 },
    lastError: expect.stringContaining("ECONNREFUSED") as string,
  });
});

test("a run forwards while it lasts and tells what became of it; then it is as it was before", async () => {
  await using receiver = await startReceiver();
  await using usual = await endpoint(answering(200));
  await using own = await endpoint(answering(200));
  const fleet = { receiver: receiver.url };
  await setForward(receiver.url, `${usual.url}/v1/traces`);
  {
    await using forwarding = await forwardSpans(fleet, `${own.url}/v1/traces`);
    await post(receiver.url, bodyOf("in the run"));
    expect(await forwarding.end()).toBe(`1 request (1 span) forwarded to ${own.url}/v1/traces`);
  }
  await post(receiver.url, bodyOf("after it"));
  await setForward(receiver.url, null);
  expect([usual.received.length, own.received.length]).toEqual([1, 1]);
  await using nowhere = await forwardSpans(fleet, undefined);
  expect(await nowhere.end()).toBeUndefined();
});

test("a receiver that is ended sends what waits, and says what became of it", async () => {
  await using other = await endpoint(answering(200));
  const main = fileURLToPath(new URL("receiver-main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], { stdio: ["ignore", "pipe", "pipe"] });
  try {
    const said = once(createInterface(child.stderr), "line");
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const url = `http://${(JSON.parse(line) as { listen: string }).listen}`;
    await setForward(url, `${other.url}/v1/traces`);
    await post(url, bodyOf("last"));
    child.kill("SIGTERM");
    expect(await said).toEqual([`1 request (1 span) forwarded to ${other.url}/v1/traces`]);
    expect(other.received).toHaveLength(1);
  } finally {
    child.kill("SIGKILL");
  }
});

test.each([
  ["http://jaeger:4318", "http://jaeger:4318/v1/traces"],
  ["https://host/otlp/", "https://host/otlp/v1/traces"],
  ["http://host:4318/v1/traces", "http://host:4318/v1/traces"],
  ["jaeger:4318", undefined],
  ["ftp://host", undefined],
  ["", undefined],
])("the traces of the endpoint %j go to %j", (given, url) => {
  expect(tracesUrl(given)).toBe(url);
});
