import { afterEach, beforeEach, expect, it } from "vitest";
import type { Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import {
  connectTo,
  startPeer,
  startServer,
  type Client,
  type Peer,
  type ProxyJson,
} from "./proxy.fixture.ts";

/**
 * A fast upstream, one latency toxic, and a client that has stopped reading: here Toxiproxy's DELETE, `enabled: false`,
 * GET and reset all hang. Each must answer while the dead reader is still connected.
 */
let proxy: Awaited<ReturnType<typeof startServer>>;
let peer: Peer;
let listen: Address;
let deadReader: Client;

beforeEach(async () => {
  proxy = await startServer();
  const block = Buffer.alloc(64 * 1_024, "x");
  peer = await startPeer((socket) => {
    const pour = (): void => {
      while (socket.write(block));
    };
    socket.on("drain", pour);
    pour();
  });
  listen = await proxy.proxyTo(peer.address);
  deadReader = await connectTo(listen);
  await waitFor({ what: "healthy bytes arrive", withinMs: 5_000 }, () => deadReader.received.length > 0);
  await proxy.addToxic({ type: "latency", attributes: { latency: 20 } });
  await waitFor(
    { what: "bytes are delayed", withinMs: 5_000 },
    async () => (await proxy.toxic("latency_downstream")).affected.bytes > 1_000_000,
  );
  deadReader.socket.pause();
  await waitFor({ what: "the whole path is full", withinMs: 10_000, everyMs: 150 }, stalled());
});

afterEach(async () => {
  expect(deadReader.end).toBeUndefined();
  deadReader[Symbol.dispose]();
  await proxy[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

/** True once no byte has moved since the last look. */
function stalled(): () => Promise<boolean> {
  let before = -1;
  return async () => {
    const now = (await proxy.evidence()).proxies[0]?.downstream_bytes ?? 0;
    const isStalled = now === before;
    before = now;
    return isStalled;
  };
}

it.each([
  ["DELETE", "/proxies/edge/toxics/latency_downstream", undefined],
  ["PATCH", "/proxies/edge/toxics/latency_downstream", { toxicity: 0 }],
  ["POST", "/proxies/edge", { enabled: false }],
  ["GET", "/proxies", undefined],
  ["POST", "/reset", undefined],
  ["DELETE", "/proxies/edge", undefined],
])("%s %s answers within a second", async (method, path, body) => {
  const startedMs = performance.now();
  await proxy.expectOk(method, path, body);
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});

it("and one after the other, while others use the proxy", async () => {
  const startedMs = performance.now();
  await proxy.removeToxic("latency_downstream");
  const [one] = Object.values((await proxy.expectOk("GET", "/proxies")) as Record<string, ProxyJson>);
  expect(one?.toxics).toEqual([]);
  await proxy.expectOk("POST", "/reset");
  using other = await connectTo(listen);
  await waitFor({ what: "another client reads", withinMs: 1_000 }, () => other.received.length > 100_000);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

it("a lease expires on time although the reader is dead", async () => {
  await proxy.expectOk("PUT", "/leases/short", { ttl_ms: 300 });
  await proxy.addToxic({ type: "latency", name: "leased", lease: "short", attributes: { latency: 1_000 } });
  const fault = await waitFor({ what: "the leased toxic ends", withinMs: 5_000 }, async () =>
    (await proxy.evidence()).faults.find(
      ({ name, ended_at_ms }) => name === "leased" && ended_at_ms !== null,
    ),
  );
  expect(fault.ended_by).toBe("lease-expired");
  expect((fault.ended_at_ms ?? 0) - fault.started_at_ms).toBeLessThan(1_000);
});

it("the dead reader that reads again gets a stream without a gap", async () => {
  await proxy.removeToxic("latency_downstream");
  const before = deadReader.received.length;
  deadReader.socket.resume();
  await waitFor(
    { what: "bytes flow", withinMs: 5_000 },
    () => deadReader.received.length > before + 4_000_000,
  );
  deadReader.socket.pause();
  expect(deadReader.received.every((byte) => byte === 0x78)).toBe(true);
});
