import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRandom } from "../base/random.ts";
import { waitFor } from "../base/wait.ts";
import { FaultLedger } from "./fault-ledger.ts";
import { connectTo, echo, startPeer, startServer, type Peer } from "./proxy.fixture.ts";
import { Proxy } from "./proxy.ts";
import { noop } from "./toxics/noop.ts";
import type { Outlet } from "./toxics/toxic-kind.ts";

let proxy: Awaited<ReturnType<typeof startServer>>;

beforeEach(async () => {
  proxy = await startServer();
});
afterEach(() => proxy[Symbol.asyncDispose]());

const stream = (sizeBytes: number, seed: string): Buffer => {
  const random = createRandom(seed);
  return Buffer.from(Array.from({ length: sizeBytes }, () => random.integer(0, 256)));
};

describe("a stream", () => {
  const kinds = [
    () => ({ type: "latency", attributes: { latency: 5, jitter: 5 } }),
    () => ({ type: "bandwidth", attributes: { rate: 2_000 } }),
    () => ({ type: "slicer", attributes: { average_size: 700, size_variation: 600, delay: 200 } }),
    () => ({ type: "reset_peer", attributes: { timeout: 60_000 } }),
    () => ({ type: "slow_close", attributes: { delay: 10 } }),
    () => ({ type: "limit_data", attributes: { bytes: 1_000_000_000 } }),
    () => ({ type: "noop" }),
  ];

  it.each(["a", "b", "c", "d"])(
    "loses, repeats and reorders no byte while toxics come, change and go in both directions (seed %s)",
    async (seed) => {
      await using peer = await startPeer(echo);
      using client = await connectTo(await proxy.proxyTo(peer.address));
      const random = createRandom(seed);
      const sent = stream(300_000, seed);
      let written = 0;
      const inPlace: string[] = [];
      for (let step = 0; step < 60; step += 1) {
        const sizeBytes = random.integer(1, 10_000);
        client.socket.write(sent.subarray(written, written + sizeBytes));
        written = Math.min(sent.length, written + sizeBytes);
        const action = random.next();
        if (action < 0.4 || inPlace.length === 0) {
          const name = `t${step}`;
          const toxicity = random.pick([0.5, 1]);
          const side = random.pick(["upstream", "downstream"]);
          await proxy.addToxic({ ...random.pick(kinds)(), name, stream: side, toxicity });
          inPlace.push(name);
        } else if (action < 0.6) {
          const path = `/proxies/edge/toxics/${random.pick(inPlace)}`;
          await proxy.expectOk("PATCH", path, { toxicity: random.pick([0, 1]) });
        } else {
          const [name = ""] = inPlace.splice(random.integer(0, inPlace.length), 1);
          await proxy.removeToxic(name);
        }
      }
      client.socket.end(sent.subarray(written));
      await proxy.expectOk("POST", "/reset");
      await client.ended();
      expect(client.end).toBe("fin");
      expect(client.received.equals(sent)).toBe(true);
    },
  );

  it("of 50 MB comes through whole, and the counters say so while it is open", async () => {
    const sent = Buffer.concat(
      Array.from({ length: 100 }, () => stream(5_000, "block")),
      500_000,
    );
    await using peer = await startPeer(echo);
    using client = await connectTo(await proxy.proxyTo(peer.address));
    for (let index = 0; index < 100; index += 1) client.socket.write(sent);
    await waitFor({ what: "all is back", withinMs: 20_000 }, () => client.socket.bytesRead === 50_000_000);
    expect(client.chunks.length).toBeGreaterThan(0);
    expect(client.received.subarray(49_500_000).equals(sent)).toBe(true);
    expect((await proxy.evidence()).proxies[0]).toMatchObject({
      connections: 1,
      open_connections: 1,
      upstream_bytes: 50_000_000,
      downstream_bytes: 50_000_000,
    });
  });
});

it("what waits for a client that does not read stays as it was, and takes little more than its size", async () => {
  const block = stream(99_991, "block");
  const sent = Buffer.concat(new Array<Buffer>(400).fill(block));
  let place = 0;
  await using peer = await startPeer((socket) => {
    // A small piece at each turn of the event loop, so that the proxy reads each by itself.
    const pour = (): void => {
      const piece = sent.subarray(place, place + 1_000);
      place += piece.length;
      if (socket.write(piece)) setImmediate(pour);
      else socket.once("drain", () => socket.end());
    };
    pour();
  });
  using client = await connectTo(await proxy.proxyTo(peer.address));
  client.socket.pause();
  const beforeBytes = process.memoryUsage().arrayBuffers;
  let lastPlace = -1;
  await waitFor({ what: "the client's way is full", withinMs: 10_000, everyMs: 100 }, () => {
    const isStalled = place === lastPlace;
    lastPlace = place;
    return isStalled;
  });
  expect(process.memoryUsage().arrayBuffers - beforeBytes).toBeLessThan(2_000_000);
  client.socket.resume();
  expect(await client.ended()).toBe("fin");
  expect(client.received.equals(sent.subarray(0, place))).toBe(true);
});

describe("an end", () => {
  it("of one direction leaves the other open: an answer after the client's FIN arrives", async () => {
    await using peer = await startPeer((socket) => {
      const parts: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => parts.push(chunk));
      socket.on("end", () => socket.end(`got ${Buffer.concat(parts).toString()}`));
    });
    using client = await connectTo(await proxy.proxyTo(peer.address));
    client.socket.end("all");
    expect(await client.ended()).toBe("fin");
    expect(client.received.toString()).toBe("got all");
    await noOpenConnection();
  });

  it("of the upstream's direction leaves the client's open", async () => {
    const parts: Buffer[] = [];
    await using peer = await startPeer((socket) => {
      socket.end("bye");
      socket.on("data", (chunk: Buffer) => parts.push(chunk));
    });
    using client = await connectTo(await proxy.proxyTo(peer.address));
    expect(await client.ended()).toBe("fin");
    client.socket.end("late");
    await waitFor(
      { what: "what was sent after the FIN", withinMs: 5_000 },
      () => Buffer.concat(parts).toString() === "late",
    );
    await noOpenConnection();
  });

  it.each(["timeout", "limit_data"])(
    "by %s that is held up further on lets nothing past it, though that toxic is gone",
    async (type) => {
      await using peer = await startPeer(echo);
      using client = await connectTo(await proxy.proxyTo(peer.address));
      await client.roundTrip("healthy");
      await proxy.addToxic({ type });
      await proxy.addToxic({ type: "slow_close", attributes: { delay: 300 } });
      client.socket.write("swallowed");
      await waitFor(
        { what: "the toxic swallows", withinMs: 5_000, everyMs: 5 },
        async () => (await proxy.toxic(`${type}_downstream`)).affected.bytes === 9,
      );
      await proxy.removeToxic(`${type}_downstream`);
      client.socket.write("behind the end");
      expect(await client.ended()).toBe("fin");
      expect(client.received.toString()).toBe("healthy");
    },
  );

  it("that a reset follows at once leaves neither end open", async () => {
    await using peer = await startPeer(echo);
    const edge = new Proxy({
      name: "edge",
      listen: { host: "127.0.0.1", port: 0 },
      upstreams: [peer.address],
      ledger: new FaultLedger(),
      random: createRandom("reset"),
    });
    await edge.enable("removed");
    using client = await connectTo(edge.listen);
    await client.roundTrip("healthy");
    edge.addToxic({
      name: "fin, then reset",
      type: "fin, then reset",
      kind: {
        ...noop,
        open: (outlet) => ({ ...noop.open(outlet, () => ({})), write: () => finAndReset(outlet) }),
      },
      stream: "downstream",
      toxicity: 1,
      attributes: {},
      lease: undefined,
      ttlMs: undefined,
    });
    client.socket.write("now");
    await client.ended();
    await waitFor({ what: "the connection is gone", withinMs: 5_000 }, () => edge.openConnections === 0);
    edge.remove();

    function finAndReset(outlet: Outlet): void {
      outlet.end("fin");
      outlet.end("reset");
    }
  });

  it("comes after what latency still holds", async () => {
    await using peer = await startPeer((socket) => socket.end("last words"));
    const listen = await proxy.proxyTo(peer.address);
    await proxy.addToxic({ type: "latency", attributes: { latency: 50 } });
    using client = await connectTo(listen);
    await client.ended();
    expect(client.received.toString()).toBe("last words");
  });

  it.each(["the client", "the upstream"])("by a reset of %s resets the other", async (who) => {
    await using peer = await startPeer(echo);
    using client = await connectTo(await proxy.proxyTo(peer.address));
    await client.roundTrip("healthy");
    const [served] = peer.sockets;
    if (!served) throw new Error("no connection");
    if (who === "the upstream") {
      served.resetAndDestroy();
      expect(await client.ended()).toBe("reset");
    } else {
      const error = new Promise<NodeJS.ErrnoException>((resolve) => served.once("error", resolve));
      client.socket.resetAndDestroy();
      expect((await error).code).toBe("ECONNRESET");
    }
    await noOpenConnection();
  });
});

it("a client whose upstream refuses is reset, and counted", async () => {
  const gone: Peer = await startPeer();
  await gone[Symbol.asyncDispose]();
  using client = await connectTo(await proxy.proxyTo(gone.address));
  expect(await client.ended()).toBe("reset");
  expect((await proxy.evidence()).proxies[0]).toMatchObject({ connections: 1, upstream_failures: 1 });
  await noOpenConnection();
});

it("a disabled proxy refuses and has cut its connections; enabled again it is at the same port", async () => {
  await using peer = await startPeer(echo);
  const listen = await proxy.proxyTo(peer.address);
  using client = await connectTo(listen);
  await client.roundTrip("healthy");
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: false });
  await client.ended();
  await expect(connectTo(listen)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect((await proxy.evidence()).faults[0]).toMatchObject({
    type: "down",
    ended_by: null,
    affected: { connections: 1, bytes: 0 },
  });
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: true });
  using next = await connectTo(listen);
  await next.roundTrip("healthy again");
  expect((await proxy.evidence()).faults[0]?.ended_by).toBe("removed");
});

it("a proxy moved to another upstream cuts its connections and serves the new one at the same port", async () => {
  await using first = await startPeer(echo);
  await using second = await startPeer((socket) => socket.end("second"));
  const listen = await proxy.proxyTo(first.address);
  using client = await connectTo(listen);
  await client.roundTrip("healthy");
  const { host, port } = second.address;
  await proxy.expectOk("PATCH", "/proxies/edge", { upstream: `${host}:${port}` });
  await client.ended();
  using next = await connectTo(listen);
  await next.ended();
  expect(next.received.toString()).toBe("second");
});

async function noOpenConnection(): Promise<void> {
  await waitFor(
    { what: "the connection is gone", withinMs: 5_000 },
    async () => (await proxy.evidence()).proxies[0]?.open_connections === 0,
  );
}
