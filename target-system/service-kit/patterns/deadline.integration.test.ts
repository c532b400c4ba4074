import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../app.fixture.ts";
import { CallFailed, createCallee, type Callee } from "../callee.ts";
import { waitFor } from "../wait.fixture.ts";
import { deadlineHeader, deadlineHeaders, deadlineMs, readDeadline, withoutDeadline } from "./deadline.ts";
import { parsePatterns } from "./patterns.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

async function app(
  routes: Parameters<typeof startTestApp>[1],
  options?: Parameters<typeof startTestApp>[2],
  patterns = "full",
): Promise<TestApp> {
  return stack.use(await startTestApp(patterns, routes, options));
}

function callee(name: string, url: string, patterns = "full"): Callee {
  return stack.adopt(createCallee(name, url, parsePatterns(patterns)), (created) => created.close());
}

/** A service that takes some time of its own and then asks the next one, and says what it was given and what it heard. */
async function hop(next?: Callee): Promise<TestApp> {
  return app((server) =>
    server.post("/", async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const below = await next?.call({ method: "POST", path: "/", body: {}, deadlineMs: 60_000 });
      const leftMs = Number(request.headers[deadlineHeader]);
      return [leftMs, ...((below?.body ?? []) as readonly number[])];
    }),
  );
}

it("what is left of a deadline arrives at the third hop, less by what the first two took", async () => {
  const third = await hop();
  const second = await hop(callee("third", third.url));
  const first = callee("first", (await hop(callee("second", second.url))).url);
  const { body } = await first.call({ method: "POST", path: "/", body: {}, deadlineMs: 5_000 });
  const [atFirst = 0, atSecond = 0, atThird = 0] = body as readonly number[];
  expect(atFirst).toBeGreaterThan(4_000);
  expect(atFirst).toBeLessThanOrEqual(5_000);
  expect(atFirst - atSecond).toBeGreaterThanOrEqual(19);
  expect(atSecond - atThird).toBeGreaterThanOrEqual(19);
});

it("a call ends with the request that it is made for, and what is cut there is cut below as well", async () => {
  const cutBelow = Promise.withResolvers<void>();
  const below = await app((server) =>
    server.get("/", (request) => {
      request.raw.once("close", () => cutBelow.resolve());
      return new Promise(() => undefined);
    }),
  );
  const middle = await app((server) => {
    const next = callee("below", below.url);
    server.get("/", () => next.call({ method: "GET", path: "/", deadlineMs: 60_000 }));
  });
  const answer = await fetch(middle.url, { headers: { [deadlineHeader]: "150" } });
  expect([answer.status, await answer.json()]).toMatchObject([504, { error: "below-unavailable" }]);
  await cutBelow.promise;
});

it("a request whose deadline is over is refused on arrival, counted, and never worked on", async () => {
  let worked = 0;
  const late = await app((server) => server.post("/orders", async () => (worked += 1)));
  const answer = await fetch(`${late.url}/orders`, { method: "POST", headers: { [deadlineHeader]: "0" } });
  expect([answer.status, await answer.json()]).toMatchObject([504, { error: "deadline-exceeded" }]);
  expect(await late.metric('http_server_deadline_exceeded_total{route="/orders"}')).toBe(1);
  expect(worked).toBe(0);
});

it("a request that is delivered when its caller has gone is refused on arrival", async () => {
  let worked = 0;
  const late = await app((server) => server.post("/", async () => (worked += 1)));
  // A network that holds what it was given and delivers it in the end, whoever has hung up meanwhile.
  const hold = Promise.withResolvers<void>();
  const network = createServer((client) => {
    client.on("error", () => undefined);
    client.on("data", (bytes) => {
      const upstream = connect(Number(new URL(late.url).port), "127.0.0.1");
      stack.defer(() => void upstream.destroy());
      void hold.promise.then(() => upstream.write(bytes));
    });
  }).listen(0, "127.0.0.1");
  stack.defer(() => void network.close());
  await once(network, "listening");
  const { port } = network.address() as AddressInfo;
  const call = callee("late", `http://127.0.0.1:${port}`).call({
    method: "POST",
    path: "/",
    body: {},
    deadlineMs: 100,
  });
  await expect(call).rejects.toMatchObject({ reason: "timeout" });
  hold.resolve();
  await waitFor("the request to be refused", () => late.events.length === 1);
  expect(late.events).toMatchObject([{ kind: "deadline-exceeded", route: "/" }]);
  expect(worked).toBe(0);
});

it("nothing is asked for a request whose deadline is over", async () => {
  let asked = 0;
  const below = await app((server) => server.get("/", async () => (asked += 1)));
  const next = callee("below", below.url);
  const failures: unknown[] = [];
  const late = await app((server) =>
    server.get("/", async () => {
      while (performance.now() < deadlineMs()) await new Promise((resolve) => setTimeout(resolve, 5));
      await next.call({ method: "GET", path: "/" }).catch((error: unknown) => failures.push(error));
      return (await withoutDeadline(() => next.call({ method: "GET", path: "/" }))).status;
    }),
  );
  const answer = await fetch(late.url, { headers: { [deadlineHeader]: "30" } });
  expect(failures).toEqual([expect.any(CallFailed)]);
  expect(failures).toMatchObject([{ reason: "deadline-passed", mayHaveHappened: false }]);
  expect([await answer.json(), asked]).toEqual([200, 1]);
});

it("a service's own limit counts where it is shorter, and where a request brings no deadline", async () => {
  const limited = await app(
    (server) => server.get("/", async () => Math.round(deadlineMs() - performance.now())),
    { requestDeadlineMs: 500 },
  );
  const leftOf = async (headers: Record<string, string>): Promise<number> =>
    Number(await (await fetch(limited.url, { headers })).text());
  expect(await leftOf({})).toBeLessThanOrEqual(500);
  expect(await leftOf({ [deadlineHeader]: "90000" })).toBeLessThanOrEqual(500);
  expect(await leftOf({ [deadlineHeader]: "200" })).toBeLessThanOrEqual(200);
  expect(await leftOf({ [deadlineHeader]: "soon" })).toBeGreaterThan(200);
});

it("without the pattern no deadline is sent, read or refused", async () => {
  const seen: unknown[] = [];
  const plain = await app(
    (server) =>
      server.get("/", async (request) => {
        seen.push(request.headers[deadlineHeader], deadlineMs());
        return {};
      }),
    { requestDeadlineMs: 500 },
    "full,-deadlines",
  );
  await callee("plain", plain.url, "full,-deadlines").call({ method: "GET", path: "/" });
  expect((await fetch(plain.url, { headers: { [deadlineHeader]: "0" } })).status).toBe(200);
  expect(seen).toEqual([undefined, Infinity, "0", Infinity]);
});

it.each([
  ["time on the way counts", { leftMs: 1_000, sentMsAgo: 400 }, 600],
  ["the clock of a caller that is ahead gives nothing", { leftMs: 1_000, sentMsAgo: -3_000 }, 1_000],
  ["a clock that is wrong is ignored", { leftMs: 1_000, sentMsAgo: 3_600_000 }, 1_000],
])("%s", (_what, { leftMs, sentMsAgo }, expectedMs) => {
  const atMs = Date.now() - sentMsAgo + leftMs;
  const endMs = readDeadline({ [deadlineHeader]: String(leftMs), "x-deadline-at-ms": String(atMs) });
  expect(Math.abs(endMs - performance.now() - expectedMs)).toBeLessThan(200);
});

it("no deadline is no header", () => {
  expect(deadlineHeaders(Infinity)).toEqual({});
  expect(readDeadline({})).toBe(Infinity);
});
