import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../base/wait.ts";
import { connectTo } from "../proxy.fixture.ts";
import { startPath, startRawPath, type Path } from "./http.fixture.ts";

const get = (path: string, headers = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe("on a live kept-alive connection", () => {
  let path: Path;
  beforeEach(async () => {
    path = await startPath();
  });
  afterEach(() => path[Symbol.asyncDispose]());

  it("a fault takes hold of the next call, and lets go of the one after its removal", async () => {
    for (let round = 0; round < 3; round += 1) {
      await path.add("http_status", { status: 418 });
      expect(await path.outcome("GET", "/")).toBe(418);
      await path.remove();
      expect(await path.outcome("GET", "/")).toBe(200);
    }
    expect(path.callee.connections).toBe(1);
  });

  it("one that comes while a call is under way begins with the next", async () => {
    let finish: (() => void) | undefined;
    await using slow = await startPath((request, response) => {
      response.write("a");
      if (request.url === "/healthy") response.end();
      else finish = () => void response.end("b");
    });
    const first = slow.call("GET", "/");
    await waitFor({ what: "the callee has it", withinMs: 5_000 }, () => slow.callee.served.length === 1);
    await slow.add("http_status", { status: 418 });
    finish?.();
    expect((await first).body).toBe("ab");
    expect(await slow.outcome("GET", "/")).toBe(418);
    expect(await slow.requests()).toEqual([1, 1, 1]);
  });

  it.each(["call", "answer"])(
    "what it holds before the %s goes on at once when it is removed",
    async (before) => {
      await path.add("http_delay", { delay: 3_600_000, before });
      const held = path.call("POST", "/", { body: "x".repeat(100_000) });
      await waitFor({ what: "it is held", withinMs: 5_000 }, async () => (await path.requests())[2] === 1);
      await path.remove();
      expect((await held).body).toContain("x".repeat(100_000));
    },
  );

  it("a delay that is changed lets go of what it holds", async () => {
    await path.add("http_delay", { delay: 3_600_000 });
    const held = path.outcome("GET", "/");
    await waitFor({ what: "it is held", withinMs: 5_000 }, async () => (await path.requests())[2] === 1);
    await path.proxy.expectOk("PATCH", "/proxies/edge/toxics/it", { attributes: { delay: 1 } });
    expect(await held).toBe(200);
  });

  it("faults of one call act in their order, whatever the order of their creation", async () => {
    await path.add("http_truncate", { bytes: 4 }, { name: "truncate" });
    await path.add("http_header", { set: { "x-late": "1" } }, { name: "header" });
    await path.add("http_status", { status: 503, body: "0123456789" }, { name: "status" });
    await path.add("http_status", { status: 500 }, { name: "younger" });
    await path.add("http_lost_response", {}, { name: "lost" });
    await path.add("http_delay", { delay: 100 }, { name: "delay" });
    await path.add("http_delay", { delay: 100, before: "answer" }, { name: "late" });
    using client = await connectTo(path.listen);
    const startedMs = performance.now();
    client.socket.write(get("/"));
    expect(await client.ended()).toBe("fin");
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(199);
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 503 [^]+\r\nx-late: 1\r\n\r\n0123$/);
    expect(path.callee.served).toEqual([]);
    for (const name of ["truncate", "header", "status", "delay", "late"])
      expect(await path.requests(name)).toEqual([1, 1, 1]);
    for (const name of ["younger", "lost"]) expect(await path.requests(name)).toEqual([1, 1, 0]);
  });

  it("acts behind the toxics of bytes: latency holds an answer that was made here, too", async () => {
    await path.add("http_status", { status: 418 });
    await path.proxy.addToxic({ type: "latency", attributes: { latency: 150 } });
    expect((await path.call("GET", "/")).tookMs).toBeGreaterThanOrEqual(149);
  });
});

describe("pipelined requests", () => {
  it("are answered in order, those made here in their turn", async () => {
    await using path = await startRawPath((socket) => {
      socket.on("data", (chunk: Buffer) => {
        for (const [, name = ""] of chunk.toString().matchAll(/GET (\S+)/g))
          setTimeout(() => socket.write(ok(name)), 50);
      });
    });
    await path.proxy.addToxic({
      type: "http_status",
      attributes: { status: 503, body: "made", match: "/made" },
    });
    path.client.socket.write(get("/1") + get("/made") + get("/2") + get("/made") + get("/3"));
    await waitFor({ what: "all answers", withinMs: 5_000 }, () => path.client.received.includes("/3"));
    const bodies = [...path.client.received.toString().matchAll(/\r\n\r\n(\/\d|made)/g)].map(
      ([, body]) => body,
    );
    expect(bodies).toEqual(["/1", "made", "/2", "made", "/3"]);
  });

  it("an abort has its turn too: the answers before it arrive", async () => {
    await using path = await startRawPath((socket) => {
      socket.on("data", () => setTimeout(() => socket.write(ok("first")), 50));
    });
    await path.proxy.addToxic({ type: "http_abort", attributes: { match: "/abort" } });
    path.client.socket.write(get("/1") + get("/abort") + get("/2"));
    expect(await path.client.ended()).toBe("reset");
    expect(path.client.received.toString()).toBe(ok("first"));
  });
});

describe("Expect: 100-continue", () => {
  const head = "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

  it("passes the interim answer on, and the call is one call", async () => {
    await using path = await startPath();
    await path.add("http_delay", { delay: 10, before: "answer" });
    using client = await connectTo(path.listen);
    client.socket.write(head);
    await waitFor({ what: "100", withinMs: 5_000 }, () => client.received.includes("100 Continue"));
    client.socket.write("12345");
    await waitFor({ what: "the answer", withinMs: 5_000 }, () => client.received.includes('"body":"12345"'));
    expect(await path.requests()).toEqual([1, 1, 1]);
  });

  it("that is answered here is answered at once, and the connection closes", async () => {
    await using path = await startPath();
    await path.add("http_status", { status: 413 });
    using client = await connectTo(path.listen);
    client.socket.write(head);
    expect(await client.ended()).toBe("fin");
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 413 [^]*\r\nConnection: close\r\n\r\n/);
    expect(path.callee.served).toEqual([]);
  });
});

it("Connection: close and HTTP/1.0 are closed after an answer made here; HTTP/1.0 with keep-alive is not", async () => {
  await using path = await startPath();
  await path.add("http_status", { status: 503 });
  for (const request of [get("/", "Connection: close\r\n"), "GET / HTTP/1.0\r\n\r\n"]) {
    using client = await connectTo(path.listen);
    client.socket.write(request);
    expect(await client.ended()).toBe("fin");
    expect(client.received.toString()).toContain("503");
  }
  using client = await connectTo(path.listen);
  for (const count of [1, 2]) {
    client.socket.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    await waitFor(
      { what: "the answer", withinMs: 5_000 },
      () => client.received.toString().split("503").length === count + 1,
    );
  }
});

it("an upgrade passes through untouched, and what follows is not read", async () => {
  const server = createServer();
  server.on("upgrade", (_, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using path = await startPath();
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no address");
  await path.proxy.expectOk("PATCH", "/proxies/edge", { upstream: `127.0.0.1:${bound.port}` });
  await path.add("http_status", { status: 503, match: "/later" });
  using client = await connectTo(path.listen);
  client.socket.write(get("/chat", "Connection: Upgrade\r\nUpgrade: echo\r\n"));
  await waitFor({ what: "101", withinMs: 5_000 }, () => client.received.includes("\r\n\r\n"));
  const before = client.received.length;
  await client.roundTrip(get("/later"));
  expect(client.received.subarray(before).toString()).toBe(get("/later"));
  expect(await path.counts()).toMatchObject({ matched: { requests: 0 }, unreadable_connections: 1 });
  client.socket.end();
  server.close();
});

describe("bytes that are not HTTP/1.x pass through unharmed, and are counted", () => {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  it.each([
    ["an HTTP/2 preface", Buffer.from(preface)],
    ["a TLS ClientHello", Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3])],
    ["text without a line end", Buffer.from("healthy")],
    ["a line of another protocol", Buffer.from("GET key\r\n")],
    [
      "a request with both lengths",
      Buffer.from("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
    [
      "a request with two lengths",
      Buffer.from("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ],
    ["bare line feeds", Buffer.from("GET / HTTP/1.1\nHost: a\n\n")],
    ["a head over 64 KiB", Buffer.from(get("/", `X: ${"x".repeat(70_000)}\r\n`))],
  ])("%s", async (_, bytes) => {
    await using path = await startRawPath((socket) => void socket.pipe(socket));
    await path.proxy.addToxic({ type: "http_status", name: "it", attributes: { status: 503 } });
    await path.client.roundTrip(bytes);
    await path.client.roundTrip("more");
    expect(path.client.received.equals(Buffer.concat([bytes, Buffer.from("more")]))).toBe(true);
    expect(await path.proxy.toxic("it")).toMatchObject({
      matched: { requests: 0 },
      unreadable_connections: 1,
    });
  });

  it("a callee that speaks first", async () => {
    await using path = await startRawPath((socket) => void socket.write("220 ready\r\n"));
    await waitFor({ what: "a greeting", withinMs: 5_000 }, () => path.client.received.length > 0);
    await path.proxy.addToxic({ type: "http_status", name: "it", attributes: { status: 503 } });
    using client = await connectTo(path.listen);
    await waitFor(
      { what: "the greeting", withinMs: 5_000 },
      () => client.received.toString() === "220 ready\r\n",
    );
    expect(await path.proxy.toxic("it")).toMatchObject({ unreadable_connections: 1 });
  });
});

it("what is held of a call that waits is bounded: its sender has to wait, too", async () => {
  await using path = await startPath((_, response) => response.end());
  await path.add("http_delay", { delay: 3_600_000 });
  using client = await connectTo(path.listen);
  client.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16000000\r\n\r\n");
  client.socket.write(Buffer.alloc(16_000_000));
  await waitFor({ what: "it is held", withinMs: 5_000 }, async () => (await path.requests())[2] === 1);
  // Written in one piece, it is out of the socket only once all of it is in the system's hands.
  expect(client.socket.writableLength).toBe(16_000_000);
  await path.remove();
  await waitFor(
    { what: "all of it has gone", withinMs: 10_000 },
    () => path.callee.served[0]?.body.length === 16_000_000,
  );
});
