import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../../base/wait.ts";
import { connectTo } from "../proxy.fixture.ts";
import { startPath, type Path } from "./http.fixture.ts";

/** One test or more for each kind, over a kept-alive connection on which a healthy call went before. */
let path: Path;

beforeEach(async () => {
  path = await startPath();
});
afterEach(() => path[Symbol.asyncDispose]());

const post = (body = "{}") =>
  path.call("POST", "/payments", { body, headers: { "content-type": "application/json" } });

describe("http_status", () => {
  it("answers instead of the callee, and the connection stays usable", async () => {
    await path.add("http_status", { status: 503, match: "POST /payments" });
    const answer = await post("x".repeat(200_000));
    expect(answer).toMatchObject({ status: 503, body: "Service Unavailable\n" });
    expect(Object.keys(answer.headers).toSorted()).toEqual(["content-length", "content-type"]);
    expect((await path.call("GET", "/other")).status).toBe(200);
    expect(path.callee.served.map(({ path }) => path)).toEqual(["/other"]);
    expect(path.callee.connections).toBe(1);
    expect(await path.requests()).toEqual([1, 1, 1]);
  });

  it("says what it is told, in body and headers", async () => {
    const body = '{"error":"quota"}';
    await path.add("http_status", { status: 402, body, headers: { "Content-Type": "application/json" } });
    const answer = await post();
    expect(answer).toMatchObject({ status: 402, body });
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  it.each([204, 304, 205, 200])("%i and HEAD leave the connection usable", async (status) => {
    await path.add("http_status", { status, match: "/gone" });
    expect((await path.call("GET", "/gone")).status).toBe(status);
    expect(await path.call("HEAD", "/gone")).toMatchObject({ status, body: "" });
    expect((await path.call("GET", "/other")).status).toBe(200);
    expect(path.callee.connections).toBe(1);
  });
});

describe("http_delay", () => {
  it("holds the call before the callee gets it", async () => {
    await path.add("http_delay", { delay: 300, match: "POST /payments" });
    const slow = post();
    await waitFor(
      { what: "the call is held", withinMs: 5_000, everyMs: 5 },
      async () => (await path.requests())[2] === 1,
    );
    expect(path.callee.served).toEqual([]);
    expect((await slow).tookMs).toBeGreaterThanOrEqual(299);
    expect(path.callee.served).toHaveLength(1);
    expect((await path.call("GET", "/other")).tookMs).toBeLessThan(290);
  });

  it("holds the answer, when it is told so, after the callee has done its work", async () => {
    await path.add("http_delay", { delay: 300, before: "answer" });
    const slow = post();
    await waitFor(
      { what: "the callee has answered", withinMs: 5_000, everyMs: 5 },
      () => path.callee.served.length === 1,
    );
    expect((await slow).tookMs).toBeGreaterThanOrEqual(299);
  });

  it("replays recorded delays one call after the other", async () => {
    await path.add("http_delay", { delay: 0, distribution: "replay", values: [0, 200] });
    expect((await post()).tookMs).toBeLessThan(190);
    expect((await post()).tookMs).toBeGreaterThanOrEqual(199);
    expect(await path.requests()).toEqual([2, 2, 1]);
  });
});

it("http_delay before each piece lets the head through and spaces the body out", async () => {
  await using slow = await startPath((_, response) => {
    response.write("one");
    response.write("two");
    response.end("three");
  });
  await slow.add("http_delay", { delay: 100, before: "piece" });
  const answer = await slow.call("GET", "/stream");
  expect(answer.body).toBe("onetwothree");
  expect(answer.tookMs).toBeGreaterThanOrEqual(299);
  expect(await slow.counts()).toMatchObject({ affected: { requests: 1, bytes: 11 } });
});

describe("http_abort", () => {
  it("resets the connection, and the callee never hears of the call", async () => {
    await path.add("http_abort", { match: "POST /payments" });
    expect(await path.outcome("POST", "/payments", { body: "{}" })).toBe("ECONNRESET");
    expect(path.callee.served).toEqual([]);
    expect((await path.call("GET", "/other")).status).toBe(200);
    expect(await path.requests()).toEqual([1, 1, 1]);
  });

  it("after-head gives the caller the head and no body", async () => {
    await path.add("http_abort", { when: "after-head", match: "POST /payments" });
    using client = await connectTo(path.listen);
    client.socket.write("POST /payments HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    expect(await client.ended()).toBe("reset");
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^{]+\r\n\r\n$/);
    expect(path.callee.served).toHaveLength(1);
    expect(await path.requests()).toEqual([1, 1, 1]);
  });
});

describe("http_lost_response", () => {
  it.each(["reset", "close"])("the callee executes, the caller sees the connection %s", async (then) => {
    await path.add("http_lost_response", { then, match: "POST /payments" });
    await expect(post("{}")).rejects.toMatchObject({
      code: "ECONNRESET",
      message: then === "reset" ? "read ECONNRESET" : "socket hang up",
    });
    expect(path.callee.served).toMatchObject([{ path: "/payments", body: "{}" }]);
    expect(await path.requests()).toEqual([1, 1, 1]);
  });

  it("hang: nothing comes until the caller gives up", async () => {
    await path.add("http_lost_response", { then: "hang" });
    const outcome = path.outcome("POST", "/payments", { body: "{}", timeoutMs: 400 });
    await waitFor(
      { what: "the answer is lost", withinMs: 5_000 },
      async () => (await path.requests())[2] === 1,
    );
    expect(path.callee.served).toHaveLength(1);
    expect(await outcome).toBe("the caller gave up");
    await noOpenConnection();
  });

  it("hang ends with the fault, by a reset: the caller can never get its answer", async () => {
    await path.add("http_lost_response", { then: "hang" });
    const outcome = path.outcome("POST", "/payments", { body: "{}" });
    await waitFor(
      { what: "the answer is lost", withinMs: 5_000 },
      async () => (await path.requests())[2] === 1,
    );
    await path.remove();
    expect(await outcome).toBe("ECONNRESET");
  });
});

describe("http_duplicate", () => {
  it("delivers the same bytes again on a connection of its own, and drops the second answer", async () => {
    await path.add("http_duplicate", { delay: 50, match: "POST /payments" });
    const answer = await post('{"amount":7}');
    expect(answer.status).toBe(200);
    await waitFor({ what: "the second copy", withinMs: 5_000 }, () => path.callee.served.length === 2);
    const [first, second] = path.callee.served;
    expect(second).toEqual({ ...first, connection: 1 });
    expect((await path.call("GET", "/other")).status).toBe(200);
    expect(path.callee.served[2]?.connection).toBe(0);
    expect(await path.requests()).toEqual([1, 1, 1]);
  });

  it("delivers it also when the caller closes its connection after the answer", async () => {
    await path.add("http_duplicate", { delay: 100 });
    await path.call("POST", "/payments", { body: "{}", headers: { connection: "close" } });
    await waitFor({ what: "the second copy", withinMs: 5_000 }, () => path.callee.served.length === 2);
    await noOpenConnection();
  });

  it("does not repeat a request of more than 1 MiB, and does not count it", async () => {
    await path.add("http_duplicate");
    expect((await post("x".repeat(1_024 * 1_024 + 1))).status).toBe(200);
    expect((await post("x".repeat(1_000_000))).status).toBe(200);
    await waitFor(
      { what: "the copy of the smaller", withinMs: 5_000 },
      () => path.callee.served.length === 3,
    );
    expect(path.callee.served[2]?.body).toHaveLength(1_000_000);
    expect(await path.requests()).toEqual([2, 2, 1]);
  });

  it("that waits for its delay is gone with the fault", async () => {
    await path.add("http_duplicate", { delay: 60_000 });
    await path.call("POST", "/payments", { body: "{}", headers: { connection: "close" } });
    await path.remove();
    await noOpenConnection();
    expect(path.callee.served).toHaveLength(1);
  });
});

describe("http_truncate", () => {
  it("downstream: so many bytes of the answer's body arrive, then the connection closes", async () => {
    await path.add("http_truncate", { bytes: 10, match: "POST /payments" });
    using client = await connectTo(path.listen);
    client.socket.write("POST /payments HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    expect(await client.ended()).toBe("fin");
    expect(client.received.toString()).toMatch(/\r\nContent-Length: 59\r\n\r\n\{"method":$/);
    expect((await path.counts()).affected.requests).toBe(1);
  });

  it("upstream: the callee gets so many bytes of the request's body", async () => {
    const got: Buffer[] = [];
    await using server = await listening((chunk) => got.push(chunk));
    await using other = await startPath();
    await other.proxy.expectOk("PATCH", "/proxies/edge", { upstream: server.address });
    await other.add("http_truncate", { bytes: 10 }, { stream: "upstream" });
    await other.outcome("POST", "/payments", { body: "0123456789abcdef" });
    await waitFor({ what: "the callee's end", withinMs: 5_000 }, () => server.ended > 0);
    expect(Buffer.concat(got).toString()).toBe("0123456789");
    expect(await other.requests()).toEqual([1, 1, 1]);
  });

  it("beyond the end of the body affects nothing", async () => {
    const { body } = await post();
    await path.add("http_truncate", { bytes: body.length });
    expect((await post()).body).toBe(body);
    expect(await path.requests()).toEqual([1, 1, 0]);
  });
});

describe("http_corrupt", () => {
  it.each(["downstream", "upstream"])("changes as many bytes as it is told, %s", async (stream) => {
    const sent = "x".repeat(10_000);
    await path.add("http_corrupt", { bytes: 3 }, { stream });
    const { body } = await post(sent);
    const whole = JSON.stringify({ method: "POST", path: "/payments", total: 42, body: sent });
    const [is = "", was] = stream === "upstream" ? [path.callee.served[0]?.body, sent] : [body, whole];
    expect(is).toHaveLength(was.length);
    expect([...is].filter((one, index) => one !== was[index])).toHaveLength(3);
    expect(await path.counts()).toMatchObject({ affected: { requests: 1, bytes: 3 } });
  });

  it("changes one field of a JSON answer and fixes its length", async () => {
    await path.add("http_corrupt", { field: "/total", value: { amount: -1 } });
    const { body, headers } = await post();
    expect(body).toBe('{"method":"POST","path":"/payments","total":{"amount":-1},"body":"{}"}');
    expect(headers["content-length"]).toBe(String(body.length));
    expect((await path.call("GET", "/other")).status).toBe(200);
  });

  it("changes one field of a JSON request, and leaves its spelling alone elsewhere", async () => {
    await path.add("http_corrupt", { field: "/items/1/price", value: 0 }, { stream: "upstream" });
    await post('{ "items" : [ {"price":1.50},\n {"price": 2.50 } ] , "é": 1e3 }');
    expect(path.callee.served[0]?.body).toBe('{ "items" : [ {"price":1.50},\n {"price": 0 } ] , "é": 1e3 }');
    expect(path.callee.served[0]?.headers["content-length"]).toBe("60");
  });

  it("affects nothing where there is no such field, or no JSON", async () => {
    await path.add("http_corrupt", { field: "/absent", value: 0 });
    expect((await post()).body).toContain('"total":42');
    await path.add("http_corrupt", { field: "/total", value: 0 }, { name: "text", stream: "upstream" });
    await path.call("POST", "/payments", { body: '{"total":42}', headers: { "content-type": "text/plain" } });
    expect(path.callee.served[1]?.body).toBe('{"total":42}');
    expect(await path.requests()).toEqual([2, 2, 0]);
    expect(await path.requests("text")).toEqual([1, 1, 0]);
  });
});

describe("http_header", () => {
  it("sets and removes headers of the answer, downstream", async () => {
    await path.add("http_header", { set: { "Cache-Control": "max-age=60" }, remove: ["Content-Type"] });
    const { headers, body } = await post();
    expect(headers).toMatchObject({ "cache-control": "max-age=60" });
    expect(headers["content-type"]).toBeUndefined();
    expect(body).toContain('"total":42');
  });

  it("and of the request, upstream", async () => {
    await path.add(
      "http_header",
      { set: { traceparent: "00-x" }, remove: ["authorization"] },
      { stream: "upstream" },
    );
    await path.call("GET", "/a", { headers: { Authorization: "secret", Traceparent: "00-y" } });
    expect(path.callee.served[0]?.headers).toMatchObject({ traceparent: "00-x" });
    expect(path.callee.served[0]?.headers.authorization).toBeUndefined();
  });

  it("that changes nothing affects nothing", async () => {
    await path.add("http_header", { set: { "Content-Type": "application/json" }, remove: ["x-absent"] });
    await post();
    expect(await path.requests()).toEqual([1, 1, 0]);
  });
});

it("http_rate_limit answers 429 with Retry-After beyond rate and burst, and only those count as affected", async () => {
  await path.add("http_rate_limit", { rate: 0.001, burst: 2, retry_after: 7 });
  const answers = [await post(), await post(), await post(), await post()];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
  expect(answers[2]?.headers["retry-after"]).toBe("7");
  expect(path.callee.served).toHaveLength(2);
  expect(await path.requests()).toEqual([4, 4, 2]);
});

async function listening(onData: (chunk: Buffer) => void) {
  let ended = 0;
  const server = createServer((request) => {
    request.on("data", onData);
    request.on("error", () => (ended += 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no address");
  return {
    address: `127.0.0.1:${bound.port}`,
    get ended() {
      return ended;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function noOpenConnection(): Promise<void> {
  await waitFor(
    { what: "the connection is gone", withinMs: 5_000 },
    async () => (await path.proxy.evidence()).proxies[0]?.open_connections === 0,
  );
}
