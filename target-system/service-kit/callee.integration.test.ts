import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { CallFailed, createCallee, type Callee } from "./callee.ts";
import { withDeadline } from "./patterns/deadline.ts";
import type { PatternEvent, Tell } from "./patterns/pattern-event.ts";
import { parsePatterns } from "./patterns/patterns.ts";
import { freePort } from "../../test/free-port.fixture.ts";
import { waitFor } from "./wait.fixture.ts";

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

function callee(url: string, patterns: string, tell?: Tell): Callee {
  const created = createCallee("peer", url, parsePatterns(patterns), tell);
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

it("bounds nothing without patterns: however many calls wait, the next one is sent", async () => {
  const waiting: ServerResponse[] = [];
  const url = await serve((_request, response) => void waiting.push(response));
  const peer = callee(url, "none");
  const calls = Array.from({ length: 150 }, () => peer.call({ method: "GET", path: "/" }));
  await waitFor("150 requests at the callee", () => waiting.length === 150);
  for (const response of waiting) response.end("{}");
  expect((await Promise.all(calls)).every(({ status }) => status === 200)).toBe(true);
});

it("asks again after 503 when the call is idempotent and retries are on", async () => {
  const peer = await serveStatuses(503, 503, 200);
  const answer = await callee(peer.url, "retries").call({ method: "GET", path: "/" });
  expect([answer.status, peer.asked()]).toEqual([200, 3]);
});

it.each([
  ["with a budget, at most three times", "retries,+budget", 3],
  ["without one, as naive clients do, at most ten times", "retries", 10],
])("asks %s", async (_what, patterns, times) => {
  const peer = await serveStatuses(503);
  const answer = await callee(peer.url, patterns).call({ method: "GET", path: "/" });
  expect([answer.status, peer.asked()]).toEqual([503, times]);
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
  await failureOf(callee(url, "retries,+deadlines").call({ method: "GET", path: "/", deadlineMs: 150 }));
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

/** A caller in `calls` lanes at once. @returns what each of them got */
async function callTimes(
  times: number,
  lanes: number,
  call: () => Promise<unknown>,
): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  let left = times;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      results.push(await call().catch((error: unknown) => error));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

const attemptsIn = (events: readonly PatternEvent[]): number =>
  events.filter(({ kind }) => kind === "attempted").length;

it.each([
  ["fails", (response: ServerResponse) => response.writeHead(503).end(), { deadlineMs: 20_000 }],
  ["is too slow", () => undefined, { deadlineMs: 20_000, attemptTimeoutMs: 5 }],
])(
  "naive retries at a callee that always %s ask it ten times as much, with a budget hardly more",
  async (_what, answer, patience) => {
    const url = await serve((_request, response) => void answer(response));
    const attemptsACall = async (patterns: string): Promise<number> => {
      const events: PatternEvent[] = [];
      const peer = callee(url, patterns, (event) => events.push(event));
      await callTimes(200, 200, () => peer.call({ method: "GET", path: "/", ...patience }));
      return attemptsIn(events) / 200;
    };
    expect(await attemptsACall("retries")).toBeGreaterThan(9);
    expect(await attemptsACall("retries,+budget")).toBeLessThanOrEqual(1.2);
  },
);

it("connections are made anew after a second, under calls and between them, and it is the caller who closes them", async () => {
  const sockets = new Set<Socket>();
  let closed = 0;
  const url = await serve((request, response) => {
    if (!sockets.has(request.socket)) request.socket.once("close", () => (closed += 1));
    sockets.add(request.socket);
    response.end("{}");
  });
  const peer = callee(url, "none");
  const startedMs = performance.now();
  let calls = 0;
  await waitFor("a second connection", async () => {
    await peer.call({ method: "POST", path: "/" });
    calls += 1;
    return sockets.size === 2;
  });
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(999);
  expect(calls).toBeGreaterThan(2); // so that a connection is used more than once
  await waitFor("the connections that nobody uses to be closed", () => closed === 2);
});

it("what is released uses its idle connections no more and closes them; calls under way are answered", async () => {
  const sockets: Socket[] = [];
  const waiting: ServerResponse[] = [];
  const url = await serve((request, response) => {
    sockets.push(request.socket);
    if (request.url === "/slow") waiting.push(response);
    else response.end("{}");
  });
  const peer = callee(url, "none");
  const slow = peer.call({ method: "POST", path: "/slow" });
  await waitFor("the slow call", () => waiting.length === 1);
  await peer.call({ method: "POST", path: "/" });
  peer.release();
  await peer.call({ method: "POST", path: "/" });
  expect(new Set(sockets).size).toBe(3);
  await waitFor("the idle connection to be closed", () => sockets[1]?.destroyed === true);
  expect(sockets[0]?.destroyed).toBe(false);
  waiting[0]?.end('{"is":"answered"}');
  expect((await slow).body).toEqual({ is: "answered" });
});

it("a call that is cut closes its connection, so that the callee hears of it", async () => {
  let closed = 0;
  const url = await serve((request) => request.socket.once("close", () => (closed += 1)));
  const peer = callee(url, "timeouts");
  // More than once: on a busy machine a call may be cut before it is heard.
  await waitFor("the callee to hear that it was cut", async () => {
    await failureOf(peer.call({ method: "GET", path: "/", deadlineMs: 50 }));
    return closed > 0;
  });
});

it("hedging cuts the tail that a few slow answers make, closes what is not needed, and costs no more than the budget", async () => {
  const learning = 64; // what answers take is to be learnt first
  let asked = 0;
  let closed = 0;
  const url = await serve((request, response) => {
    asked += 1;
    if (asked <= learning || asked % 40 !== 0) return void response.end('{"isSlow":false}');
    const timer = setTimeout(() => response.end('{"isSlow":true}'), 1_000);
    request.socket.once("close", () => {
      clearTimeout(timer);
      closed += 1;
    });
  });
  const slowAnswersWith = async (patterns: string, events: PatternEvent[]): Promise<number> => {
    const peer = callee(url, patterns, (event) => events.push(event));
    const call = () => peer.call({ method: "GET", path: "/", deadlineMs: 20_000 });
    asked = 0;
    await callTimes(learning, 8, call);
    events.length = 0;
    const answers = (await callTimes(400, 40, call)) as readonly {
      readonly body: { readonly isSlow: boolean };
    }[];
    return answers.filter(({ body }) => body.isSlow).length;
  };
  expect(await slowAnswersWith("full,-hedging", [])).toBe(10);
  closed = 0;
  const events: PatternEvent[] = [];
  expect(await slowAnswersWith("none,+timeouts,+hedging", events)).toBeLessThanOrEqual(3);
  expect(events.filter((event) => event.kind === "hedged" && event.outcome === "won").length).toBeGreaterThan(
    5,
  );
  expect(closed).toBeGreaterThan(5);
  // However slow the machine makes everything, the budget bounds what hedging costs.
  await slowAnswersWith("full", events);
  expect(attemptsIn(events) / 400).toBeLessThanOrEqual(1.2);
});

it.each([["POST"], ["PUT"]] as const)("a %s is never hedged, though it may be sent twice", async (method) => {
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    setTimeout(() => response.end("{}"), asked > 64 ? 150 : 0);
  });
  const peer = callee(url, "full");
  await callTimes(64, 8, () => peer.call({ method: "GET", path: "/" }));
  await peer.call({ method, path: "/", isIdempotent: true });
  expect(asked).toBe(65);
});

it("no more calls than have room are under way; some wait, the rest are refused and surely did nothing", async () => {
  let underWay = 0;
  let most = 0;
  const release = Promise.withResolvers<void>();
  const url = await serve((_request, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    void release.promise.then(() => {
      underWay -= 1;
      response.end("{}");
    });
  });
  const peer = callee(url, "none,+bulkhead");
  const results = callTimes(140, 140, () => peer.call({ method: "POST", path: "/" }));
  await waitFor("the callee to be full", () => underWay === 64);
  release.resolve();
  const failures = (await results).filter((result) => result instanceof CallFailed);
  expect(failures).toHaveLength(12); // 64 under way, 64 waiting
  expect(failures[0]).toMatchObject({ reason: "bulkhead-full", mayHaveHappened: false });
  expect(most).toBe(64);
});

it("a breaker that opened lets one call try after its time, and closes when that one is answered", async () => {
  let isWell = false;
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    response.writeHead(isWell ? 200 : 500).end();
  });
  const events: PatternEvent[] = [];
  const peer = callee(url, "none,+breaker", (event) => events.push(event));
  const call = () => peer.call({ method: "POST", path: "/" });
  await callTimes(5, 1, call);
  isWell = true;
  expect(await failureOf(call())).toMatchObject({ reason: "breaker-open" });
  await waitFor("the breaker to let a call through", async () => (await call()).status === 200);
  expect(asked).toBe(6);
  expect(events.flatMap((event) => (event.kind === "breaker" ? event.state : []))).toEqual([
    "closed",
    "open",
    "half-open",
    "closed",
  ]);
});

it("requests that have little time left do not open a breaker at a callee that is well", async () => {
  const url = await serve((_request, response) => setTimeout(() => response.end("{}"), 40));
  const peer = callee(url, "full");
  const hurried = () => withDeadline(performance.now() + 10, () => peer.call({ method: "POST", path: "/" }));
  for (const failure of await callTimes(10, 2, hurried)) expect(failure).toMatchObject({ reason: "timeout" });
  expect((await peer.call({ method: "POST", path: "/" })).status).toBe(200);
});

it("a callee that says when to come again is left alone when that is too late", async () => {
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    response.writeHead(503, { "retry-after": "1" }).end();
  });
  const answer = await callee(url, "retries,+deadlines").call({ method: "GET", path: "/", deadlineMs: 900 });
  expect([answer.status, asked]).toEqual([503, 1]);
});
