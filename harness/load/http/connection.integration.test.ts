import type { Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../base/clock.ts";
import { waitFor } from "../../base/wait.ts";
import { createClient, type Client, type ClientOptions, type Exchange } from "./client.ts";
import { startRawServer, type RawServer } from "./fixtures/raw-server.ts";

let server: RawServer;
let client: Client;
afterEach(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const get = (path = "/"): Promise<Exchange> => client.exchange({ method: "GET", path, headers: {} });

async function open(
  onRead: (socket: Socket, text: string, socketIndex: number) => void,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  server = await startRawServer(onRead);
  client = createClient({
    baseUrl: `http://127.0.0.1:${server.port}`,
    maxConnections: 1,
    timeoutMs: 5_000,
    ...options,
  });
}

it("requests follow each other on one connection, each in one piece", async () => {
  await open((socket) => socket.write(ok));
  expect(await get("/a?b=c")).toMatchObject({ kind: "answered", text: "ok" });
  expect(
    await client.exchange({ method: "POST", path: "/d", headers: { "x-id": "7" }, body: '{"é":1}' }),
  ).toMatchObject({ kind: "answered" });
  expect(await client.exchange({ method: "PUT", path: "/e", headers: {} })).toMatchObject({ status: 200 });
  expect(server.sockets).toHaveLength(1);
  const host = `host: 127.0.0.1:${server.port}\r\n`;
  expect(server.reads).toEqual([
    `GET /a?b=c HTTP/1.1\r\n${host}\r\n`,
    `POST /d HTTP/1.1\r\n${host}x-id: 7\r\ncontent-length: 8\r\n\r\n{"Ã©":1}`,
    `PUT /e HTTP/1.1\r\n${host}content-length: 0\r\n\r\n`,
  ]);
});

it("an idle connection that the server closed is not used again", async () => {
  await open((socket) => socket.write(ok));
  await get();
  const [first] = server.sockets;
  first?.end();
  await waitFor({ what: "the client to close its side", withinMs: 5_000 }, () => first?.destroyed);
  expect(await get()).toMatchObject({ kind: "answered" });
  expect(server.sockets).toHaveLength(2);
});

it("an idle connection that the server reset is not used again", async () => {
  await open((socket) => socket.write(ok));
  await get();
  server.sockets[0]?.resetAndDestroy();
  // Until the client has heard of it, a request on it would rightly be lost: ask on another meanwhile.
  const other = createClient({
    baseUrl: `http://127.0.0.1:${server.port}`,
    maxConnections: 1,
    timeoutMs: 5_000,
  });
  await other.exchange({ method: "GET", path: "/other", headers: {} });
  await other.close();
  expect(await get("/again")).toMatchObject({ kind: "answered" });
  expect(server.sockets).toHaveLength(3);
});

it("an idle connection on which bytes came is not used again, and the bytes are counted", async () => {
  await open((socket) => socket.write(ok));
  await get();
  const [first] = server.sockets;
  first?.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
  await waitFor({ what: "the client to close", withinMs: 5_000 }, () => first?.destroyed);
  expect(await get()).toMatchObject({ kind: "answered", text: "ok" });
  expect(server.sockets).toHaveLength(2);
  expect(client.unaskedBytes).toBe(42);
});

it("of two answers to one request the first counts, and the second reaches nobody", async () => {
  await open((socket, _, index) => socket.write(index === 0 ? ok + ok.replace("ok", "no") : ok));
  expect(await get()).toMatchObject({ kind: "answered", text: "ok" });
  expect(await get()).toMatchObject({ kind: "answered", text: "ok" });
  expect(server.sockets).toHaveLength(2);
  expect(client.unaskedBytes).toBe(ok.length);
});

it("a connection is not used again shortly before the server would close it, by its own word", async () => {
  await open((socket) => socket.write(ok.replace("\r\n\r\n", "\r\nkeep-alive: timeout=0\r\n\r\n")));
  await get();
  await get();
  expect(server.sockets).toHaveLength(2);
});

it("`Connection: close` and an answer in HTTP/1.0 end their connections", async () => {
  const last = [
    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    ok.replace("1.1", "1.0"),
    ok,
  ];
  await open((socket, _, index) => socket.write(last[index] ?? "too many"));
  for (const answer of last) expect([answer, await get()]).toMatchObject([answer, { text: "ok" }]);
  await get();
  expect(server.sockets).toHaveLength(3);
});

it("an answer without a length ends with its connection; reset before that, it is lost", async () => {
  await open((socket, _, index) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\nsome ", () => {
      if (index === 0) socket.end("text");
      else socket.resetAndDestroy();
    });
  });
  expect(await get()).toMatchObject({ kind: "answered", text: "some text" });
  expect(await get()).toMatchObject({ kind: "reset" });
  expect(server.reads).toHaveLength(2);
});

it.each([
  ["before a byte of the answer", "", undefined],
  ["within the head", "HTTP/1.1 200 OK\r\ncontent-", undefined],
  ["within the body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome", 200],
  ["within a chunk", "HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", 503],
  ["before the last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", 200],
  ["after an interim answer", "HTTP/1.1 100 Go on\r\n\r\n", undefined],
])(
  "a connection that ends %s loses the answer, and the request is not made again",
  async (_, text, status) => {
    await open((socket) => socket.end(text));
    const exchange = await get();
    expect(exchange).toMatchObject({ kind: "reset", sentMs: expect.any(Number) as number });
    expect("status" in exchange ? exchange.status : undefined).toBe(status);
    expect(server.reads).toHaveLength(1);
  },
);

it("interim answers are passed over", async () => {
  await open((socket) => {
    socket.write("HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n", () => socket.write(ok));
  });
  expect(await get()).toMatchObject({ kind: "answered", status: 200, text: "ok" });
  expect(await get()).toMatchObject({ kind: "answered", status: 200, text: "ok" });
  expect(server.sockets).toHaveLength(1);
});

it("an answer that comes before the request is out counts, and ends the connection", async () => {
  await open((socket, _, index) => {
    if (index === 0) socket.pause();
    socket.write(index === 0 ? ok.replace("200", "413") : ok);
  });
  const body = "x".repeat(32 * 1_024 * 1_024); // more than the buffers of two sockets hold
  expect(await client.exchange({ method: "POST", path: "/", headers: {}, body })).toMatchObject({
    kind: "answered",
    status: 413,
  });
  expect(await get()).toMatchObject({ kind: "answered", status: 200 });
  expect(server.sockets).toHaveLength(2);
});

it("a large body goes out whole", async () => {
  let got = 0;
  const body = "é".repeat(4 * 1_024 * 1_024);
  await open((socket, text) => {
    got += text.length;
    if (text.endsWith("\n")) socket.write(ok);
  });
  await client.exchange({ method: "POST", path: "/", headers: {}, body: `${body}\n` });
  const [head = ""] = server.reads.join("").split("\r\n\r\n", 1);
  expect(head).toContain(`content-length: ${2 * body.length + 1}`);
  expect(got).toBe(head.length + 4 + 2 * body.length + 1);
});

it("a malformed answer is lost, with the reason, and so is its connection", async () => {
  await open((socket, _, index) =>
    socket.write(index === 0 ? "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc" : ok),
  );
  expect(await get()).toMatchObject({
    kind: "reset",
    message: "not a clear answer in HTTP/1.1: Content-Length twice",
  });
  expect(await get()).toMatchObject({ kind: "answered" });
  expect(server.sockets).toHaveLength(2);
});

it("one time-out gives up those that are due, in any state, and no other", async () => {
  let answerLate = (): void => undefined;
  await open(
    (socket, text) => {
      if (text.includes("/late")) answerLate = () => socket.write(ok);
      if (text.includes("/ok")) socket.write(ok);
    },
    { maxConnections: 3, timeoutMs: 600 },
  );
  const startedMs = performance.now();
  const late = systemClock.sleep(300).then(() => get("/late")); // half a time-out later
  const due = await Promise.all([get("/never"), get("/never"), get("/never"), get("/waits")]);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(600);
  const kinds = due.map(({ kind }) => kind);
  expect(kinds.slice(0, 3)).toEqual(["timeout", "timeout", "timeout"]);
  // What came a moment after the first may get its connection for that moment, and not be on it in time.
  expect(["not-sent", "refused", "timeout"]).toContain(kinds[3]);
  await waitFor({ what: "the late request", withinMs: 5_000 }, () => server.reads.join().includes("/late"));
  answerLate();
  expect(await late).toMatchObject({ kind: "answered" });
  expect(await get("/ok")).toMatchObject({ kind: "answered" });
});

it("a request to a name without an address is refused, and was not sent", async () => {
  await open(() => undefined, { baseUrl: "http://shop.invalid" });
  const exchange = await get();
  expect(exchange).toMatchObject({
    kind: "refused",
    message: expect.stringContaining("shop.invalid") as string,
  });
  expect(exchange).not.toHaveProperty("sentMs");
});

it("a base URL may have a path, and be of IPv6", async () => {
  server = await startRawServer((socket) => socket.write(ok), { host: "::1" });
  client = createClient({
    baseUrl: `http://[::1]:${server.port}/shop/`,
    maxConnections: 1,
    timeoutMs: 5_000,
  });
  expect(await get("/products")).toMatchObject({ kind: "answered" });
  expect(server.reads).toEqual([`GET /shop/products HTTP/1.1\r\nhost: [::1]:${server.port}\r\n\r\n`]);
});

it("a host that a journey names stands instead of the base URL's", async () => {
  await open((socket) => socket.write(ok));
  await client.exchange({ method: "GET", path: "/", headers: { Host: "shop.example" } });
  expect(server.reads).toEqual(["GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"]);
});

it.each([
  ["a line end in a value", { headers: { x: "1\r\ny: 2" } }, /the header x/],
  ["a line end in a name", { headers: { "x\r\ny": "1" } }, /a header cannot be named/],
  ["a value that is not ASCII", { headers: { x: "é" } }, /plain ASCII/],
  ["a length of its own", { headers: { "Content-Length": "3" } }, /for the client to set/],
  ["a coding of its own", { headers: { "transfer-encoding": "chunked" } }, /for the client to set/],
  ["a blank in its path", { path: "/a b" }, /path/],
  ["a line end in its path", { path: "/a\r\nx: 1" }, /path/],
  ["a path that is not encoded", { path: "/café" }, /encoded/],
  ["a method with a blank", { method: "GET /x" }, /method/],
  ["CONNECT", { method: "CONNECT" }, /method/],
])("a request with %s is an error, and nothing is sent", async (_, changes, message) => {
  await open((socket) => socket.write(ok));
  await expect(client.exchange({ method: "GET", path: "/", headers: {}, ...changes })).rejects.toThrow(
    message,
  );
  await get("/after");
  expect(server.reads).toHaveLength(1);
});

it.each(["shop.example", "ftp://shop.example", "http://user:word@shop.example", "http://shop.example/?a=b"])(
  "%s is no base URL",
  (baseUrl) => {
    const create = (): Client => createClient({ baseUrl, maxConnections: 1, timeoutMs: 1 });
    expect(create).toThrow(expect.objectContaining({ code: "SQUALL_USAGE" }) as Error);
  },
);

it("what is queued when a connection is lost gets a new one", async () => {
  await open((socket, text) => void (text.includes("/reset") ? socket.resetAndDestroy() : socket.write(ok)));
  const kinds = (await Promise.all([get("/reset"), get("/reset"), get("/a"), get("/b")])).map(
    ({ kind }) => kind,
  );
  expect(kinds).toEqual(["reset", "reset", "answered", "answered"]);
  expect(server.sockets).toHaveLength(3);
});
