import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseAddress, type Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import {
  connectTo,
  echo,
  startPeer,
  startServer,
  type Client,
  type EvidenceJson,
  type Peer,
  type ProxyJson,
} from "./proxy.fixture.ts";

/**
 * Ending faults while everything is as bad as it can be: 200 connections of which 50 never read, an upstream that never
 * stops writing, a black hole that swallows what is sent. The proxy is a process of its own, so that what is measured is
 * its answer and not this test's load.
 */
const connections = 200;
const deadReaders = 50;
const holeConnections = 50;
/** Only a hang breaks it. */
const boundMs = 1_000;

let child: ChildProcess;
let api: string;
let writer: Peer;
let hole: Peer;
let well: Peer;
let clients: Client[] = [];

beforeEach(async () => {
  child = spawn(process.execPath, [new URL("main.ts", import.meta.url).pathname], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (!child.stdout) throw new Error("no stdout");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  api = `http://${(JSON.parse(line) as { listen: string }).listen}`;
  writer = await startPeer(writeForEver);
  hole = await startPeer(echo);
  well = await startPeer(echo);
});

afterEach(async () => {
  for (const client of clients) client[Symbol.dispose]();
  clients = [];
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  for (const peer of [writer, hole, well]) await peer[Symbol.asyncDispose]();
});

/** Writes for ever: as much as it can to who says "pour", a little all the time to who says "drip". */
function writeForEver(socket: Socket): void {
  socket.once("data", (word: Buffer) => {
    if (word.toString() === "drip") {
      const dripping = setInterval(() => socket.write("drop"), 50);
      socket.once("close", () => clearInterval(dripping));
      return;
    }
    const block = Buffer.alloc(64 * 1_024, "x");
    const pour = (): void => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on("drain", pour);
    pour();
  });
}

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(api + path, {
    method,
    signal: AbortSignal.timeout(10_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text === "" ? undefined : (JSON.parse(text) as unknown);
}

async function proxyTo(name: string, { host, port }: Address): Promise<Address> {
  const { listen } = (await call("POST", "/proxies", { name, upstream: `${host}:${port}` })) as ProxyJson;
  const address = parseAddress(listen);
  if (!address) throw new Error(`no address: ${listen}`);
  return address;
}

type Role = "dead" | "alive" | "swallowed";
const roles = new WeakMap<Client, Role>();

/** Connects anew what an earlier try has cut; a dead one never reads, and its whole path is full. */
async function connectAll(sick: Address, black: Address): Promise<void> {
  clients = clients.filter(({ end, socket }) => end === undefined && !socket.destroyed);
  const add = async (role: Role, wanted: number, address: Address, word: string): Promise<void> => {
    const missing = wanted - clients.filter((client) => roles.get(client) === role).length;
    for (const client of await Promise.all(Array.from({ length: missing }, () => connectTo(address)))) {
      roles.set(client, role);
      clients.push(client);
      client.socket.removeAllListeners("data").resume(); // nothing is kept
      if (role === "dead") client.socket.pause();
      client.socket.write(word);
    }
  };
  await add("dead", deadReaders, sick, "pour");
  await add("alive", connections - deadReaders, sick, "drip");
  await add("swallowed", holeConnections, black, "healthy");
  let before = -1;
  await waitFor({ what: "the dead readers' paths are full", withinMs: 30_000, everyMs: 100 }, async () => {
    const now = writer.sockets.reduce(
      (sum, { bytesWritten, destroyed }) => sum + (destroyed ? 0 : bytesWritten),
      0,
    );
    const isStill = now - before < 100_000 && now > deadReaders * 1_000_000; // the others drip on
    before = now;
    return isStill;
  });
}

/** The requests of each way of ending faults. */
const ways = {
  reset: [["POST", "/reset"]],
  remove: [
    ["DELETE", "/proxies/sick/toxics/slow"],
    ["DELETE", "/proxies/sick/toxics/thin"],
    ["DELETE", "/proxies/black/toxics/hole"],
  ],
  disable: [
    ["PATCH", "/proxies/sick", { enabled: false }],
    ["PATCH", "/proxies/black", { enabled: false }],
    ["POST", "/reset"],
  ],
} as const satisfies Record<string, readonly (readonly [string, string, unknown?])[]>;

it("every way of ending faults answers within a second, the faults are gone, and other proxies do not notice", async () => {
  const sick = await proxyTo("sick", writer.address);
  const black = await proxyTo("black", hole.address);
  using other = await connectTo(await proxyTo("well", well.address));
  const othersMs: number[] = [];
  let isHurt = false;
  let isOver = false;
  const others = (async () => {
    while (!isOver) {
      const tookMs = await other.roundTrip("x");
      if (isHurt) othersMs.push(tookMs);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  others.catch(() => undefined); // awaited below

  const answers: { readonly what: string; readonly tookMs: number }[] = [];
  for (const way of ["reset", "remove", "reset", "remove", "reset", "remove", "disable"] as const) {
    isHurt = false;
    await connectAll(sick, black);
    isHurt = true;
    for (const toxic of [
      { type: "bandwidth", name: "thin", attributes: { rate: 1_000 } },
      { type: "latency", name: "slow", attributes: { latency: 60_000 } },
    ])
      await call("POST", "/proxies/sick/toxics", toxic);
    await call("POST", "/proxies/black/toxics", { type: "timeout", name: "hole", stream: "upstream" });
    for (const client of clients) if (roles.get(client) === "swallowed") client.socket.write("gone");
    await waitFor({ what: `all are hurt before ${way}`, withinMs: 20_000 }, async () => {
      const hurt = Object.fromEntries(
        (await held()).map(({ name, affected }) => [name, affected.connections]),
      );
      // Where the path is full already, nothing comes that could be spoilt.
      return (hurt["slow"] ?? 0) >= connections - deadReaders && hurt["hole"] === holeConnections;
    });
    for (const [method, path, body] of ways[way]) {
      const startedMs = performance.now();
      await call(method, path, body);
      answers.push({ what: `${method} ${path}`, tookMs: performance.now() - startedMs });
    }
    expect(await held()).toEqual([]);
    for (const proxy of Object.values((await call("GET", "/proxies")) as Record<string, ProxyJson>))
      expect(proxy).toMatchObject({ enabled: true, toxics: [] });
    using next = await connectTo(sick);
    next.socket.write("pour");
    await waitFor({ what: "a new client reads", withinMs: 5_000 }, () => next.received.length > 100_000);
  }
  isOver = true;
  await others;
  expect(answers.filter(({ tookMs }) => tookMs >= boundMs)).toEqual([]);
  expect(othersMs.length).toBeGreaterThan(20);
  expect(othersMs.filter((tookMs) => tookMs >= boundMs)).toEqual([]);
}, 60_000);

/** The faults in place. */
async function held(): Promise<EvidenceJson["faults"]> {
  const { faults } = (await call("GET", "/evidence")) as EvidenceJson;
  return faults.filter(({ ended_at_ms }) => ended_at_ms === null);
}

it("an upstream whose name has no address, or that is gone, is the caller's to see", async () => {
  await using proxy = await startServer();
  const created = (await proxy.expectOk("POST", "/proxies", {
    name: "nowhere",
    upstream: "nowhere.invalid:80",
  })) as ProxyJson;
  const address = parseAddress(created.listen);
  if (!address) throw new Error("no address");
  using client = await connectTo(address);
  expect(await client.ended()).toBe("reset");

  const leaving = await startPeer(echo);
  using caller = await connectTo(await proxy.proxyTo(leaving.address));
  await caller.roundTrip("healthy");
  for (const socket of leaving.sockets) socket.resetAndDestroy(); // as a process that is killed
  expect(await caller.ended()).toBe("reset");
  await leaving[Symbol.asyncDispose]();
  expect((await proxy.evidence()).proxies.map(({ open_connections }) => open_connections)).toEqual([0, 0]);
});
