import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitFor } from "../base/wait.ts";
import { EventStreams, parseEventStreamOptions } from "./event-streams.ts";
import { FaultEvents } from "./fault-events.ts";
import { echo, startPeer, startServer, type Peer } from "./proxy.fixture.ts";

let proxy: Awaited<ReturnType<typeof startServer>>;
let peer: Peer;

beforeEach(async () => {
  proxy = await startServer({ seed: "events" });
  peer = await startPeer(echo);
  await proxy.proxyTo(peer.address);
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

interface EventJson {
  readonly id: number;
  readonly at_ms?: number;
  readonly event: string;
  readonly toxic: string;
  readonly by?: string;
}

/** A stream that is read all the time. */
async function listen(query = "", headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${proxy.server.url}/events${query}`, { headers });
  let text = "";
  const ended = (async () => {
    const decoder = new TextDecoder();
    if (!response.body) throw new Error("no body");
    for await (const chunk of response.body) text += decoder.decode(chunk as Uint8Array, { stream: true });
  })();
  ended.catch(() => undefined);
  return {
    response,
    ended,
    get text() {
      return text;
    },
    get events() {
      return [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, data]) => JSON.parse(data ?? "") as EventJson);
    },
  };
}

const noop = (name: string) => ({ type: "noop", name });

it("a stream begins with what is kept, goes on live, and names each event three ways", async () => {
  await proxy.addToxic(noop("first"));
  const stream = await listen();
  expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
  await proxy.removeToxic("first");
  await waitFor({ what: "both events", withinMs: 5_000 }, () => stream.events.length === 2);
  expect(stream.events).toEqual([
    {
      id: 1,
      at_ms: expect.any(Number) as number,
      event: "fault-began",
      proxy: "edge",
      toxic: "first",
      type: "noop",
    },
    {
      id: 2,
      at_ms: expect.any(Number) as number,
      event: "fault-ended",
      proxy: "edge",
      toxic: "first",
      type: "noop",
      by: "removed",
    },
  ]);
  expect(stream.text).toMatch(
    /^id: 1\nevent: fault-began\ndata: \{.*\}\n\nid: 2\nevent: fault-ended\ndata: /,
  );
});

it("the end of a fault by its lease, its time to live, a reset and the server's own end are events", async () => {
  const stream = await listen();
  await proxy.expectOk("PUT", "/leases/run", { ttl_ms: 100 });
  await proxy.addToxic({ ...noop("leased"), lease: "run" });
  await proxy.addToxic({ ...noop("timed"), ttl_ms: 100 });
  await waitFor({ what: "both end", withinMs: 5_000 }, () => stream.events.length === 4);
  await proxy.addToxic(noop("reset"));
  await proxy.expectOk("POST", "/reset");
  await proxy.addToxic(noop("lasting"));
  await proxy.server.close();
  await stream.ended; // in order, not cut off
  const ends = stream.events.filter(({ event }) => event === "fault-ended");
  expect(Object.fromEntries(ends.map(({ toxic, by }) => [toxic, by]))).toEqual({
    leased: "lease-expired",
    timed: "ttl-expired",
    reset: "reset",
    lasting: "proxy-changed",
  });
});

it("Last-Event-ID resumes behind that event, and counts more than ?after", async () => {
  for (const name of ["a", "b", "c"]) await proxy.addToxic(noop(name));
  expect((await listen("?after=1")).events).toEqual([]); // nothing has arrived yet
  const resumed = await listen("?after=0&follow=no", { "last-event-id": "2" });
  await resumed.ended;
  expect(resumed.events.map(({ toxic }) => toxic)).toEqual(["c"]);
  const after = await listen("?after=1&follow=no");
  await after.ended;
  expect(after.events.map(({ toxic }) => toxic)).toEqual(["b", "c"]);
});

it("an id of an earlier server gives everything", async () => {
  await proxy.addToxic(noop("a"));
  const stream = await listen("?follow=no&after=500");
  await stream.ended;
  expect(stream.events).toHaveLength(1);
});

it("filters by proxy and by toxic, also live", async () => {
  await proxy.proxyTo(peer.address, "other");
  await proxy.addToxic(noop("a"));
  const [ofEdge, ofB] = [await listen("?proxy=edge"), await listen("?toxic=b")];
  await proxy.addToxic(noop("b"));
  await proxy.addToxic(noop("b"), "other");
  await proxy.addToxic(noop("end"));
  await waitFor({ what: "the last of edge", withinMs: 5_000 }, () => ofEdge.events.at(-1)?.toxic === "end");
  expect(ofEdge.events.map(({ toxic }) => toxic)).toEqual(["a", "b", "end"]);
  await waitFor({ what: "both of b", withinMs: 5_000 }, () => ofB.events.length === 2);
});

it.each([
  ["?after=x", {}, 'bad request query: after: expected the id of an event, a whole number such as \\"17\\"'],
  ["?follow=maybe", {}, 'follow: expected \\"yes\\" or \\"no\\", got \\"maybe\\"'],
  ["?toxics=a", {}, 'unknown key \\"toxics\\", did you mean \\"toxic\\"?'],
  ["", { "last-event-id": "-1" }, "after: expected the id of an event"],
])("%s %j is refused", async (query, headers, error) => {
  const reply = await proxy.call("GET", `/events${query}`, undefined, headers);
  expect(reply.status).toBe(400);
  expect(reply.text).toContain(error);
});

it("without times, the same seed and order of requests give the same bytes", async () => {
  const log = async (): Promise<string> => {
    await using server = await startServer({ seed: "same" });
    await server.proxyTo(peer.address);
    await server.addToxic(noop("a"));
    await server.addToxic({ ...noop("b"), ttl_ms: 60_000 });
    await server.expectOk("PATCH", "/proxies/edge", { enabled: false });
    await server.expectOk("POST", "/reset");
    return (await server.call("GET", "/events?follow=no&times=no")).text;
  };
  const first = await log();
  expect(first).toContain(
    'data: {"id":6,"event":"fault-ended","proxy":"edge","toxic":"down","type":"down","by":"reset"}',
  );
  expect(await log()).toBe(first);
});

/** Streams of events that the test itself makes, as many and as large as it likes. */
async function startStreams() {
  const events = new FaultEvents();
  const streams = new EventStreams(events);
  const responses: ServerResponse[] = [];
  const server = createServer((request, response) => {
    responses.push(response);
    const { searchParams } = new URL(request.url ?? "", "http://localhost");
    streams.open(response, parseEventStreamOptions(searchParams, undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    responses,
    streams,
    port,
    url: `http://127.0.0.1:${port}/`,
    record: (name: string) =>
      events.record({ event: "fault-began", proxy: "edge", toxic: name, type: "noop" }),
    async [Symbol.asyncDispose]() {
      streams.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

it("says so when what was asked for is no longer kept", async () => {
  await using server = await startStreams();
  for (let index = 0; index < 1_002; index += 1) server.record("a");
  const text = await (await fetch(`${server.url}?follow=no`)).text();
  expect(text).toMatch(/^: events 1 to 2 are no longer kept\n\nid: 3\n/);
  expect(text.match(/^id: /gm)).toHaveLength(1_000);
});

it("a listener that does not read is cut, one that reads is not, and every stream ends with the server", async () => {
  await using server = await startStreams();
  const sleeper = connect(server.port, "127.0.0.1").on("error", () => undefined);
  sleeper.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await new Promise((resolve) => sleeper.once("data", resolve));
  sleeper.pause();
  const reader = await fetch(server.url);
  const text = reader.text();
  const name = "n".repeat(20_000);
  let count = 0;
  await waitFor({ what: "the one that does not read is cut", withinMs: 20_000, everyMs: 1 }, () => {
    for (let index = 0; index < 20; index += 1, count += 1) server.record(name);
    return server.responses[0]?.destroyed;
  });
  expect(count * name.length).toBeGreaterThan(1_024 * 1_024);
  expect(server.responses[1]?.destroyed).toBe(false);
  server.streams.close();
  expect((await text).match(/^id: /gm)).toHaveLength(count);
  sleeper.destroy();
});
