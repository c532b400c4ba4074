import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseAddress, type Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import { echo, startPeer, type EvidenceJson, type Peer, type ProxyJson } from "./proxy.fixture.ts";

const connections = 10_000;
const atOnce = 100;
/** How long a client waits for an answer that does not come. */
const patienceMs = 50;

let child: ChildProcess;
let peer: Peer;
let url: string;

beforeEach(async () => {
  child = fork(new URL("fixtures/counted-proxy.ts", import.meta.url).pathname);
  [{ url }] = (await once(child, "message")) as [{ url: string }];
  peer = await startPeer(echo);
});

afterEach(async () => {
  child.disconnect();
  await once(child, "exit");
  await peer[Symbol.asyncDispose]();
});

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: { connection: "close" }, // a connection of ours would count
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text === "" ? undefined : (JSON.parse(text) as unknown);
}

interface Held {
  readonly descriptors: number;
  /** Timers among them; a server's own check of its requests is one. */
  readonly resources: readonly string[];
}

async function held(): Promise<Held> {
  child.send("count");
  const [{ descriptors, resources }] = (await once(child, "message")) as [Held];
  return { descriptors, resources: resources.toSorted() };
}

const endings = ["end", "reset", "leave", "leave early"] as const;

/** Opens one connection, uses it, and ends it in one of the ways that clients have. */
async function visit({ host, port }: Address, index: number): Promise<void> {
  const ending = endings[index % endings.length];
  const socket = connect({ host, port, noDelay: true }).on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  let patience: NodeJS.Timeout | undefined;
  socket.once("connect", () => {
    if (ending === "leave early") return void socket.destroy();
    patience = setTimeout(() => socket.destroy(), patienceMs);
    socket.write("hello");
    if (ending === "end") socket.end();
  });
  socket.once("data", () => {
    if (ending === "reset") socket.resetAndDestroy();
    if (ending === "leave") socket.destroy();
  });
  await closed;
  clearTimeout(patience);
}

it("10,000 connections, opened and closed through toxics, leave no descriptor and no timer behind", async () => {
  const { listen } = (await call("POST", "/proxies", {
    name: "edge",
    upstream: `${peer.address.host}:${peer.address.port}`,
    toxics: [
      { type: "latency", attributes: { latency: 2 } },
      { type: "bandwidth", stream: "upstream", attributes: { rate: 1_000 } },
      { type: "slow_close", attributes: { delay: 5 } },
      { type: "reset_peer", toxicity: 0.1, attributes: { timeout: 10 } },
      // What would go on for a minute, had the connection not gone:
      { type: "latency", name: "slow", toxicity: 0.1, attributes: { latency: 60_000 } },
      { type: "timeout", stream: "upstream", toxicity: 0.1, attributes: { timeout: 60_000 } },
    ],
  })) as ProxyJson;
  const address = parseAddress(listen);
  if (!address) throw new Error("no address");
  const before = await held();
  let next = 0;
  const visitor = async (): Promise<void> => {
    while (next < connections) await visit(address, next++);
  };
  await Promise.all(Array.from({ length: atOnce }, visitor));
  // A client that said its end and then went is known to be gone only when something is sent to it: without the slow ones.
  await call("POST", "/reset");
  await waitFor({ what: "all are closed", withinMs: 20_000 }, async () => {
    const [edge] = ((await call("GET", "/evidence")) as EvidenceJson).proxies;
    return edge?.open_connections === 0 && edge.connections > connections * 0.7; // some left before they were accepted
  });
  await expect.poll(held, { timeout: 5_000 }).toEqual(before);
}, 60_000);
