import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { CallFailed, createCallee, type Callee } from "./callee.ts";
import { freePort } from "./postgres.fixture.ts";

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function callee(url: string, patterns: Parameters<typeof createCallee>[2]): Callee {
  const created = createCallee("peer", url, patterns);
  open.push(() => created.close());
  return created;
}

/** Answers with these statuses, one a request, the last one for ever. */
async function serveStatuses(...statuses: readonly number[]): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const url = await serve((_request, response) => {
    response.statusCode = statuses[Math.min(asked, statuses.length - 1)] ?? 200;
    asked += 1;
    response.end(JSON.stringify({ asked }));
  });
  return { url, asked: () => asked };
}

const failureOf = (call: Promise<unknown>): Promise<CallFailed> =>
  call.then(
    () => {
      throw new Error("expected the call to fail");
    },
    (error: unknown) => error as CallFailed,
  );

it("sends JSON and headers, and gives back status and JSON whatever the status is", async () => {
  const url = await serve((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => (text += part));
    request.on("end", () => {
      response.statusCode = 409;
      response.end(JSON.stringify({ text, user: request.headers["x-user-id"], path: request.url }));
    });
  });
  const answer = await callee(url, "full").call({
    method: "POST",
    path: "/orders?x=1",
    headers: { "x-user-id": "user-001" },
    body: { items: [1] },
  });
  expect(answer).toEqual({
    status: 409,
    body: { text: '{"items":[1]}', user: "user-001", path: "/orders?x=1" },
  });
});

it("cuts a slow callee at the deadline with timeouts, and says that it may have happened", async () => {
  const url = await serve(() => undefined);
  const failure = await failureOf(
    callee(url, "timeouts").call({ method: "POST", path: "/", deadlineMs: 100 }),
  );
  expect(failure).toBeInstanceOf(CallFailed);
  expect(failure).toMatchObject({ reason: "timeout", mayHaveHappened: true, callee: "peer" });
});

it("waits for a slow callee without patterns, whatever deadline the call names", async () => {
  const url = await serve((_request, response) => setTimeout(() => response.end("{}"), 300));
  await expect(callee(url, "none").call({ method: "GET", path: "/", deadlineMs: 50 })).resolves.toMatchObject(
    {
      status: 200,
    },
  );
});

it("asks again after 503 when the call is idempotent and retries are on", async () => {
  const peer = await serveStatuses(503, 503, 200);
  const answer = await callee(peer.url, "retries").call({ method: "GET", path: "/" });
  expect([answer.status, peer.asked()]).toEqual([200, 3]);
});

it("asks at most three times", async () => {
  const peer = await serveStatuses(503);
  const answer = await callee(peer.url, "retries").call({ method: "GET", path: "/" });
  expect([answer.status, peer.asked()]).toEqual([503, 3]);
});

it.each([
  ["a POST that is not said to be idempotent", "retries", "POST", undefined],
  ["a call without retries", "timeouts", "GET", undefined],
  ["a GET said not to be idempotent", "retries", "GET", false],
] as const)("asks once for %s", async (_what, patterns, method, isIdempotent) => {
  const peer = await serveStatuses(503);
  await callee(peer.url, patterns).call({
    method,
    path: "/",
    ...(isIdempotent === undefined ? {} : { isIdempotent }),
  });
  expect(peer.asked()).toBe(1);
});

it("never tries again beyond the deadline", async () => {
  let asked = 0;
  const url = await serve(() => (asked += 1));
  await failureOf(callee(url, "retries").call({ method: "GET", path: "/", deadlineMs: 150 }));
  expect(asked).toBe(1);
});

it("tries again after a connection that was cut", async () => {
  let asked = 0;
  const url = await serve((request, response) => {
    asked += 1;
    if (asked === 1) request.socket.resetAndDestroy();
    else response.end("{}");
  });
  await expect(callee(url, "retries").call({ method: "GET", path: "/" })).resolves.toMatchObject({
    status: 200,
  });
});

it("is sure that nothing happened where nobody listens", async () => {
  const failure = await failureOf(
    callee(`http://127.0.0.1:${await freePort()}`, "none").call({ method: "POST", path: "/" }),
  );
  expect(failure).toMatchObject({ reason: "refused", mayHaveHappened: false });
});

it("does not ask a callee that failed five times in a row, with all patterns", async () => {
  const peer = await serveStatuses(500);
  const protectedPeer = callee(peer.url, "full");
  for (let call = 0; call < 5; call += 1) await protectedPeer.call({ method: "POST", path: "/" });
  const failure = await failureOf(protectedPeer.call({ method: "POST", path: "/" }));
  expect(failure).toMatchObject({ reason: "breaker-open", mayHaveHappened: false });
  expect(peer.asked()).toBe(5);
});

it("keeps asking a callee that fails, without a breaker", async () => {
  const peer = await serveStatuses(500);
  const unprotected = callee(peer.url, "retries");
  for (let call = 0; call < 8; call += 1) await unprotected.call({ method: "POST", path: "/" });
  expect(peer.asked()).toBe(8);
});
