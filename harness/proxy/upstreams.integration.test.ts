import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatAddress, parseAddress, type Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import {
  connectTo,
  startPeer,
  startServer,
  type Client,
  type Peer,
  type ProxyJson,
} from "./proxy.fixture.ts";

let proxy: Awaited<ReturnType<typeof startServer>>;
const undo: (() => unknown)[] = [];

beforeEach(async () => {
  proxy = await startServer();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await proxy[Symbol.asyncDispose]();
});

/** A peer that says its letter, and then whatever it is told. */
async function peerThatSays(letter: string): Promise<Peer> {
  const peer = await startPeer((socket) => {
    socket.write(letter);
    socket.pipe(socket);
  });
  undo.push(() => peer[Symbol.asyncDispose]());
  return peer;
}

const peersThatSay = (letters: string) => Promise.all([...letters].map(peerThatSays));
const texts = (peers: readonly { readonly address: Address }[]) =>
  peers.map(({ address }) => formatAddress(address));
const edge = async () => (await proxy.expectOk("GET", "/proxies/edge")) as ProxyJson;
const change = (body: unknown) => proxy.expectOk("PATCH", "/proxies/edge", body) as Promise<ProxyJson>;

async function makeEdge(body: object): Promise<Address> {
  const { listen } = (await proxy.expectOk("POST", "/proxies", { name: "edge", ...body })) as ProxyJson;
  const address = parseAddress(listen);
  if (!address) throw new Error(`no address: ${listen}`);
  return address;
}

/** A connection, and the letter of the peer at its other end. */
async function dial(listen: Address): Promise<{ readonly client: Client; readonly letter: string }> {
  const client = await connectTo(listen);
  undo.push(() => client[Symbol.dispose]());
  await waitFor({ what: "a letter, or an end", withinMs: 5_000, everyMs: 2 }, () =>
    client.received.length > 0 ? true : client.end,
  );
  return { client, letter: client.received.toString() || "none" };
}

async function lettersOf(listen: Address, connections: number): Promise<string> {
  let letters = "";
  for (let index = 0; index < connections; index += 1) {
    const { client, letter } = await dial(listen);
    letters += letter;
    client.socket.destroy();
  }
  return letters;
}

describe("a proxy with several upstreams", () => {
  it("gives each new connection to the next of them, and tells of each how many it has", async () => {
    const upstreams = texts(await peersThatSay("abc"));
    const listen = await makeEdge({ upstreams });
    const letters = [];
    for (let index = 0; index < 7; index += 1) letters.push((await dial(listen)).letter);
    expect(letters.join("")).toMatch(/^((abc){2}a|(bca){2}b|(cab){2}c)$/);
    const told = await edge();
    expect(told.upstream).toBe(upstreams[0]);
    expect(told.upstreams.map(({ address, state }) => [address, state])).toEqual(
      upstreams.map((address) => [address, "up"]),
    );
    expect(told.upstreams.map(({ connections }) => connections).toSorted()).toEqual([2, 2, 3]);
    expect((await proxy.evidence()).proxies[0]).toMatchObject({ connections: 7, upstream_failures: 0 });
  });

  it("tries the next one when one refuses, before the client is told anything", async () => {
    const peers = await peersThatSay("abc");
    const listen = await makeEdge({ upstreams: texts(peers) });
    await peers[1]?.[Symbol.asyncDispose]();
    expect(await lettersOf(listen, 8)).toMatch(/^[ac]{8}$/);
    expect((await proxy.evidence()).proxies[0]).toMatchObject({ connections: 8, upstream_failures: 0 });
    await waitFor({ what: "the one that refused to be told", withinMs: 5_000 }, async () => {
      await lettersOf(listen, 3);
      return (await edge()).upstreams.map(({ state }) => state).join(" ") === "up down up";
    });
  });

  it("resets a client whom all refuse, and serves again as soon as one is there", async () => {
    const peers = await peersThatSay("ab");
    const listen = await makeEdge({ upstreams: texts(peers) });
    for (const peer of peers) await peer[Symbol.asyncDispose]();
    const { client } = await dial(listen);
    expect(await client.ended()).toBe("reset");
    expect((await proxy.evidence()).proxies[0]).toMatchObject({ connections: 1, upstream_failures: 1 });
    const back = createServer().listen(peers[1]?.address);
    await new Promise((resolve) => back.once("listening", resolve));
    undo.push(() => back.close());
    const next = await connectTo(listen);
    undo.push(() => next[Symbol.dispose]());
    next.socket.write("GET / HTTP/1.0\r\n\r\nnonsense");
    back.on("request", (_request, response) => response.end("b is back"));
    await next.ended();
    expect(next.received.toString()).toContain("b is back");
  });

  it("sends the repeat of a call to the upstream of its connection", async () => {
    const asked: string[] = [];
    const servers = await Promise.all([serve(() => 200, asked), serve(() => 200, asked)]);
    const listen = await makeEdge({ upstreams: servers.map(({ text }) => text) });
    await proxy.addToxic({ type: "http_duplicate" });
    const response = await fetch(`http://${formatAddress(listen)}/once`);
    expect(response.status).toBe(200);
    await waitFor({ what: "the call and its repeat", withinMs: 5_000 }, () => asked.length === 2);
    expect(new Set(asked).size).toBe(1);
  });
});

describe("a list that changes", () => {
  it("leaves connections to those that stay, the listener and the toxics alone", async () => {
    const [a, b, c] = await peersThatSay("abc");
    if (!a || !b || !c) throw new Error("three peers");
    const listen = await makeEdge({ upstreams: texts([a, b]), toxics: [{ type: "noop" }] });
    const made = [await dial(listen), await dial(listen)];
    const [toA, toB] = ["a", "b"].map((wanted) => made.find(({ letter }) => letter === wanted));
    const changed = await change({ upstreams: texts([b, c]) });
    expect(changed.listen).toBe(formatAddress(listen));
    expect(changed.upstream).toBe(formatAddress(b.address));
    expect(changed.toxics.map(({ name }) => name)).toEqual(["noop_downstream"]);
    expect(changed.draining).toEqual([{ address: formatAddress(a.address), connections: 1 }]);
    await toB?.client.roundTrip("to one that stays");
    await toA?.client.roundTrip("to one that goes, until it ends by itself");
    expect(await lettersOf(listen, 4)).toMatch(/^((bc){2}|(cb){2})$/);
    toA?.client.socket.destroy();
    await waitFor(
      { what: "nothing drains any more", withinMs: 5_000 },
      async () => (await edge()).draining.length === 0,
    );
    await toB?.client.roundTrip("still there");
    expect((await proxy.evidence()).faults).toMatchObject([{ ended_by: null }]);
  });

  it("cuts the connections to those that go when it is told to", async () => {
    const [a, b] = await peersThatSay("ab");
    if (!a || !b) throw new Error("two peers");
    const listen = await makeEdge({ upstreams: texts([a]) });
    const old = await dial(listen);
    await change({ upstreams: texts([b]) });
    const next = await dial(listen);
    await old.client.roundTrip("not cut yet");
    await change({ upstreams: texts([b]), cut_removed: true });
    await old.client.ended();
    await next.client.roundTrip("not cut");
  });

  it("takes an upstream back with the connections that it still has", async () => {
    const [a, b] = await peersThatSay("ab");
    if (!a || !b) throw new Error("two peers");
    const listen = await makeEdge({ upstreams: texts([a]) });
    await dial(listen);
    await change({ upstreams: texts([b]) });
    const { upstreams, draining } = await change({ upstreams: texts([b, a]) });
    expect(upstreams.map(({ connections }) => connections)).toEqual([0, 1]);
    expect(draining).toEqual([]);
  });

  it("is left alone by clients that know one upstream, as long as it is one of them; another one replaces it", async () => {
    const peers = await peersThatSay("abc");
    const [a, b, c] = texts(peers);
    const listen = await makeEdge({ upstreams: [a, b] });
    const { client } = await dial(listen);
    for (const upstream of [a, b]) {
      await change({ name: "edge", listen: formatAddress(listen), upstream, enabled: true });
      await proxy.expectOk("POST", "/populate", [{ name: "edge", listen: formatAddress(listen), upstream }]);
    }
    await client.roundTrip("not cut");
    expect((await edge()).upstreams.map(({ address }) => address)).toEqual([a, b]);
    const moved = await change({ upstream: c });
    await client.ended();
    expect(moved.upstreams.map(({ address }) => address)).toEqual([c]);
  });

  it("comes with populate to a proxy that is kept, and what GET gives can be put back", async () => {
    const [a, b] = texts(await peersThatSay("ab"));
    const listen = await makeEdge({ upstream: a, toxics: [{ type: "noop" }] });
    const { client } = await dial(listen);
    const health = { path: "/ready", interval_ms: 60_000, timeout_ms: 700 };
    const given = { name: "edge", listen: formatAddress(listen), upstreams: [a, b], health };
    await proxy.expectOk("POST", "/populate", [given]);
    const told = await edge();
    expect(told).toMatchObject({ upstream: a, health, toxics: [{ name: "noop_downstream" }] });
    await proxy.expectOk("POST", "/populate", [told]);
    await change({ ...told, toxics: [] });
    expect(await edge()).toEqual(told);
    await client.roundTrip("not cut");
    expect(await change({ health: null })).toMatchObject({ health: null });
  });

  it.each([
    [{ upstreams: [] }, "upstreams: expected a list of 1 to 256 addresses, got []"],
    [{ upstreams: "h:1" }, 'upstreams: expected a list of 1 to 256 addresses, got "h:1"'],
    [
      { upstreams: ["h:1", "nowhere"] },
      'upstreams[1]: expected an address such as "127.0.0.1:5432", got "nowhere"',
    ],
    [{ upstreams: ["h:1", { address: "h:0" }] }, "upstreams[1]: expected an address"],
    [{ upstreams: ["h:1", "h:1"] }, 'upstreams[1]: expected each address once, got "h:1"'],
    [{ upstreams: ["h:1"], upstream: "h:2" }, 'upstream: expected one of upstreams, got "h:2"'],
    [{ health: { path: "ready" } }, 'health.path: expected a path such as "/ready", got "ready"'],
    [
      { health: { path: "/", interval_ms: 1 } },
      "health.interval_ms: expected a whole number of milliseconds from 10",
    ],
    [{ cut_removed: "yes" }, 'cut_removed: expected true or false, got "yes"'],
  ])("%j is refused, and changes nothing", async (body, problem) => {
    await makeEdge({ upstream: "127.0.0.1:1" });
    const before = await edge();
    const reply = await proxy.call("PATCH", "/proxies/edge", body);
    expect([reply.status, reply.text]).toEqual([
      400,
      expect.stringContaining(JSON.stringify(problem).slice(1, -1)),
    ]);
    expect(await edge()).toEqual(before);
  });

  it("must be there in one form or the other for a new proxy", async () => {
    const reply = await proxy.call("POST", "/proxies", { name: "edge" });
    expect([reply.status, reply.text]).toEqual([
      400,
      expect.stringContaining("missing required field: upstream"),
    ]);
  });
});

describe("upstreams that are asked how they are", () => {
  const health = { path: "/ready", interval_ms: 50, timeout_ms: 200 };
  const statesOf = async () => (await edge()).upstreams.map(({ state }) => state).join(" ");
  const until = (states: string) =>
    waitFor(
      { what: `upstreams to be ${states}`, withinMs: 5_000 },
      async () => (await statesOf()) === states,
    );

  it("get no new connection while they say that they are not well, or say nothing; all of them do when none is well", async () => {
    let saysA: number | "nothing" = 200;
    let saysB: number | "nothing" = 200;
    const [a, b] = [await serve(() => saysA), await serve(() => saysB)];
    const listen = await makeEdge({ upstreams: [a.text, b.text], health });
    const answeredBy = async (): Promise<string> => {
      const response = await fetch(`http://${formatAddress(listen)}/`, { headers: { connection: "close" } });
      return response.text();
    };
    const eight = async () => new Set(await Promise.all(Array.from({ length: 8 }, answeredBy)));
    await until("up up");
    expect(await eight()).toEqual(new Set([a.text, b.text]));
    saysA = 503;
    await until("down up");
    expect(await eight()).toEqual(new Set([b.text]));
    saysA = 204;
    saysB = "nothing";
    await until("up down");
    expect(await eight()).toEqual(new Set([a.text]));
    saysA = 500;
    await until("down down");
    expect(await eight()).toEqual(new Set([a.text, b.text]));
    saysA = 200;
    saysB = 302;
    await until("up up");
  });

  it("are known to be gone before a connection is refused, and are found again", async () => {
    const [a, b] = [await serve(() => 200), await serve(() => 200)];
    await makeEdge({ upstreams: [a.text, b.text], health });
    await until("up up");
    b.close();
    await until("up down");
    await b.open();
    await until("up up");
  });

  it("are asked once an interval for all proxies, and not where there is nothing to choose", async () => {
    const asked: string[] = [];
    const [a, b] = [await serve(() => 200, asked), await serve(() => 200)];
    const slow = { ...health, interval_ms: 60_000 };
    await makeEdge({ upstream: a.text, health: slow });
    const other = { name: "other", upstreams: [a.text, b.text], health: slow };
    const third = { ...other, name: "third" };
    await proxy.expectOk("POST", "/proxies", other);
    await proxy.expectOk("POST", "/proxies", third);
    await waitFor({ what: "one question", withinMs: 5_000 }, () => asked.length > 0);
    await proxy.expectOk("DELETE", "/proxies/other");
    await change({ upstreams: [a.text, b.text] });
    await proxy.expectOk("DELETE", "/proxies/third");
    await change({ upstreams: [a.text] });
    expect(asked).toHaveLength(1);
    await change({ upstreams: [a.text, b.text] });
    await waitFor({ what: "a question of a new watch", withinMs: 5_000 }, () => asked.length === 2);
  });
});

interface TestServer {
  /** "127.0.0.1:1234" */
  readonly text: string;
  close(): void;
  /** Listens again where it did. */
  open(): Promise<void>;
}

/** Answers `GET /ready` with a status, or not at all, and all else with its address; writes down who was asked. */
async function serve(says: () => number | "nothing", asked: string[] = []): Promise<TestServer> {
  let server: Server;
  let port = 0;
  const open = async (): Promise<void> => {
    server = createServer((request, response) => {
      asked.push(text());
      if (request.url !== "/ready") return void response.end(text());
      const said = says();
      if (said === "nothing") return;
      response.statusCode = said;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
  };
  const text = (): string => `127.0.0.1:${port}`;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  await open();
  undo.push(close);
  return { text: text(), close, open };
}
