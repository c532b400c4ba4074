import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../app.fixture.ts";
import { waitFor } from "../wait.fixture.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

const maxInFlight = 4;

/** A service that does one thing at a time, once it is told to begin, and says how many were served before. */
async function oneAtATime(patterns: string) {
  const begin = Promise.withResolvers<void>();
  let waiting = 0;
  const service = await startTestApp(
    patterns,
    (app) =>
      app.get("/work", async () => {
        const ahead = waiting;
        waiting += 1;
        await begin.promise;
        return { ahead };
      }),
    { maxInFlight },
  );
  stack.use(service);
  return { service, begin: () => begin.resolve(), waiting: () => waiting };
}

async function ask({ url }: TestApp) {
  const answer = await fetch(`${url}/work`);
  const body = (await answer.json()) as { readonly ahead?: number };
  return { status: answer.status, retryAfter: answer.headers.get("retry-after"), ahead: body.ahead ?? 0 };
}

const sixty = Array.from({ length: 60 });

it("nobody stands in a long queue when too much is asked: what is too much is told to come again", async () => {
  const [shedding, queueing] = [await oneAtATime("full"), await oneAtATime("full,-shedding")];
  const answers = sixty.map(() => ask(shedding.service));
  const queued = sixty.map(() => ask(queueing.service));
  await waitFor("all to be refused or in the queue", () => shedding.service.events.length === 56);
  await waitFor("all to be in the queue", () => queueing.waiting() === 60);
  shedding.begin();
  queueing.begin();

  const all = await Promise.all(answers);
  const refused = all.filter(({ status }) => status === 503);
  const served = all.filter(({ status }) => status === 200);
  expect(served.map(({ ahead }) => ahead).sort()).toEqual([0, 1, 2, 3]);
  expect(new Set(refused.map(({ retryAfter }) => retryAfter))).toEqual(new Set(["1"]));
  expect(await shedding.service.metric('http_server_shed_total{route="/work"}')).toBe(56);
  const longest = Math.max(...(await Promise.all(queued)).map(({ ahead }) => ahead));
  expect(longest).toBe(59);
});

it("health and metrics are never refused, and there is room again when the work is done", async () => {
  const release = Promise.withResolvers<void>();
  const busy = stack.use(
    await startTestApp(
      "full",
      (app) =>
        app.get("/work", async () => {
          await release.promise;
          return {};
        }),
      { maxInFlight: 1 },
    ),
  );
  const working = fetch(`${busy.url}/work`);
  await waitFor("the service to be full", async () => (await fetch(`${busy.url}/work`)).status === 503);
  for (const path of ["/live", "/ready", "/metrics"]) expect((await fetch(busy.url + path)).status).toBe(200);
  release.resolve();
  expect((await working).status).toBe(200);
  expect((await fetch(`${busy.url}/work`)).status).toBe(200);
});

it("work goes on counting when its caller has gone, until it is done; a body that never came counts no more", async () => {
  const release = Promise.withResolvers<void>();
  let begun = 0;
  const busy = stack.use(
    await startTestApp(
      "full",
      (app) =>
        app.post("/work", async () => {
          begun += 1;
          await release.promise;
          return {};
        }),
      { maxInFlight: 1 },
    ),
  );
  const statusOf = async (): Promise<number> => (await fetch(`${busy.url}/work`, { method: "POST" })).status;

  const gone = new AbortController();
  const left = fetch(`${busy.url}/work`, { method: "POST", signal: gone.signal }).catch(() => "gone");
  await waitFor("the work to begin", () => begun === 1);
  gone.abort();
  await left;
  expect(await statusOf()).toBe(503);
  release.resolve();
  await waitFor("room", async () => (await statusOf()) === 200);

  const socket = connect(Number(new URL(busy.url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    "POST /work HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
  );
  await waitFor("the half request to be under way", async () => (await statusOf()) === 503);
  socket.destroy();
  await waitFor("room again", async () => (await statusOf()) === 200);
});
