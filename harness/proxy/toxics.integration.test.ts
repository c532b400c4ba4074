import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import { connectTo, echo, startPeer, startServer, type Client, type Peer } from "./proxy.fixture.ts";

/** Every test has a healthy warm connection first: what is seen afterwards is the toxic's doing. */
let proxy: Awaited<ReturnType<typeof startServer>>;
let peer: Peer;
let listen: Address;
let client: Client;

beforeEach(async () => {
  proxy = await startServer();
  peer = await startPeer(echo);
  listen = await proxy.proxyTo(peer.address);
  client = await connectTo(listen);
  expect(await client.roundTrip("healthy")).toBeLessThan(1_000);
  expect(client.received.toString()).toBe("healthy");
});

afterEach(async () => {
  client[Symbol.dispose]();
  await proxy[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

const streams = ["upstream", "downstream"] as const;

describe.each(streams)("latency, %s", (stream) => {
  it("delays a connection that was there before it, and no longer once it is removed", async () => {
    await proxy.addToxic({ type: "latency", stream, attributes: { latency: 400 } });
    expect(await client.roundTrip("slow")).toBeGreaterThanOrEqual(399);
    expect((await proxy.toxic(`latency_${stream}`)).affected).toMatchObject({ connections: 1, bytes: 4 });
    await proxy.removeToxic(`latency_${stream}`);
    expect(await client.roundTrip("fast")).toBeLessThan(390);
    expect(client.received.toString()).toBe("healthyslowfast");
  });

  it("does not serialise: ten chunks 10 ms apart take one delay, not ten", async () => {
    await proxy.addToxic({ type: "latency", stream, attributes: { latency: 300 } });
    const startedMs = performance.now();
    for (let index = 0; index < 10; index += 1) {
      client.socket.write(String(index));
      await delay(10);
    }
    await waitFor(
      { what: "all chunks are back", withinMs: 10_000, everyMs: 2 },
      () => client.received.length === 17,
    );
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    expect(client.received.toString()).toBe("healthy0123456789");
  });

  it("keeps order under jitter", async () => {
    await proxy.addToxic({ type: "latency", stream, attributes: { latency: 20, jitter: 20 } });
    const sent = Array.from({ length: 60 }, (_, index) => `${index},`);
    for (const part of sent) {
      client.socket.write(part);
      await delay(1);
    }
    const all = `healthy${sent.join("")}`;
    await waitFor(
      { what: "all chunks are back", withinMs: 10_000 },
      () => client.received.length === all.length,
    );
    expect(client.received.toString()).toBe(all);
  });
});

it("latency changed by PATCH applies to what comes next, and what was under way arrives at once", async () => {
  await proxy.addToxic({ type: "latency", attributes: { latency: 60_000 } });
  const slow = client.roundTrip("slow");
  await waitFor(
    { what: "the chunk is held", withinMs: 5_000 },
    async () => (await proxy.toxic("latency_downstream")).affected.bytes === 4,
  );
  await proxy.expectOk("PATCH", "/proxies/edge/toxics/latency_downstream", { attributes: { latency: 400 } });
  expect(await slow).toBeLessThan(10_000);
  const nextMs = await client.roundTrip("next");
  expect(nextMs).toBeGreaterThanOrEqual(399);
  expect(nextMs).toBeLessThan(10_000);
});

it.each(streams)(
  "bandwidth, %s: 50 KB at 100 KB/s take half a second, sent at once or in parts",
  async (stream) => {
    const data = Buffer.alloc(50_000, "x");
    const healthyMs = await client.roundTrip(data);
    await proxy.addToxic({ type: "bandwidth", stream, attributes: { rate: 100 } });
    const slowMs = await client.roundTrip(data);
    expect(healthyMs).toBeLessThan(490);
    expect(slowMs).toBeGreaterThanOrEqual(499);
    expect(slowMs).toBeLessThan(5_000);
    expect((await proxy.toxic(`bandwidth_${stream}`)).affected).toMatchObject({
      connections: 1,
      bytes: 50_000,
    });
    const startedMs = performance.now();
    for (let part = 0; part < 4; part += 1) {
      client.socket.write(data.subarray(0, 10_000));
      await delay(2);
    }
    client.socket.write(data.subarray(0, 10_000));
    await waitFor(
      { what: "all parts are back", withinMs: 10_000, everyMs: 2 },
      () => client.received.length === 150_007,
    );
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(499);
  },
);

it("bandwidth reaches back to the sender: the proxy takes in no more than it may hold", async () => {
  await proxy.addToxic({ type: "bandwidth", stream: "upstream", attributes: { rate: 1 } });
  const megabyte = Buffer.alloc(1_000_000);
  for (let index = 0; index < 40; index += 1) client.socket.write(megabyte);
  await delay(300);
  expect(client.socket.writableLength).toBeGreaterThan(20_000_000);
  expect((await proxy.toxic("bandwidth_upstream")).affected.bytes).toBeLessThan(1_000_000);
});

it.each(streams)(
  "timeout 0, %s, is a black hole: bytes vanish, nothing closes, until it is removed",
  async (stream) => {
    await proxy.addToxic({ type: "timeout", stream, attributes: { timeout: 0 } });
    client.socket.write("lost");
    await waitFor(
      { what: "the bytes are swallowed", withinMs: 5_000 },
      async () => (await proxy.toxic(`timeout_${stream}`)).affected.bytes === 4,
    );
    expect(client.end).toBeUndefined();
    expect(client.received.toString()).toBe("healthy");
    await proxy.removeToxic(`timeout_${stream}`);
    await client.ended();
    expect(client.received.toString()).toBe("healthy");
    using next = await connectTo(listen);
    await next.roundTrip("healthy again");
  },
);

it("the end of a black hole leaves a connection alone that lost nothing", async () => {
  await proxy.addToxic({ type: "timeout" });
  await proxy.removeToxic("timeout_downstream");
  await client.roundTrip("still here");
});

it.each(streams)("timeout, %s, closes the connection once that time has passed", async (stream) => {
  const startedMs = performance.now();
  await proxy.addToxic({ type: "timeout", stream, attributes: { timeout: 150 } });
  await client.ended();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(149);
  expect((await proxy.toxic(`timeout_${stream}`)).affected).toMatchObject({ connections: 1, bytes: 0 });
  expect(client.received.toString()).toBe("healthy");
});

it.each(streams)("reset_peer, %s, resets both ends, not with a FIN", async (stream) => {
  const ends: string[] = [];
  peer.sockets[0]?.on("error", (error: NodeJS.ErrnoException) => ends.push(error.code ?? ""));
  peer.sockets[0]?.on("end", () => ends.push("fin"));
  await proxy.addToxic({ type: "reset_peer", stream, attributes: { timeout: 0 } });
  client.socket.write("boom");
  expect(await client.ended()).toBe("reset");
  await waitFor({ what: "the peer is reset", withinMs: 5_000 }, () => ends.length > 0);
  expect(ends).toEqual(["ECONNRESET"]);
  expect((await proxy.toxic(`reset_peer_${stream}`)).affected).toMatchObject({ connections: 1, bytes: 4 });
});

it("reset_peer waits for its timeout, and loses nothing when it is removed before", async () => {
  await proxy.addToxic({ type: "reset_peer", stream: "upstream", attributes: { timeout: 60_000 } });
  const answer = client.roundTrip("held");
  await delay(50);
  expect(client.received.toString()).toBe("healthy");
  await proxy.removeToxic("reset_peer_upstream");
  await answer;
  expect(client.received.toString()).toBe("healthyheld");
});

it.each(streams)("slicer, %s: pieces of the asked size, apart, nothing lost", async (stream) => {
  const data = Buffer.from(Array.from({ length: 100 }, (_, index) => index));
  const arrived: Buffer[] = [];
  if (stream === "upstream") peer.sockets[0]?.on("data", (chunk: Buffer) => arrived.push(chunk));
  else client.socket.on("data", (chunk: Buffer) => arrived.push(chunk));
  await proxy.addToxic({
    type: "slicer",
    stream,
    attributes: { average_size: 10, size_variation: 5, delay: 30_000 },
  });
  const startedMs = performance.now();
  client.socket.write(data.subarray(0, 50));
  await delay(2);
  client.socket.write(data.subarray(50));
  await waitFor(
    { what: "all pieces are back", withinMs: 5_000, everyMs: 2 },
    () => client.received.length === 107,
  );
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(150);
  expect(arrived.length).toBeGreaterThanOrEqual(5);
  expect(Buffer.concat(arrived)).toEqual(data);
  expect((await proxy.toxic(`slicer_${stream}`)).affected).toMatchObject({ connections: 1, bytes: 100 });
});

it.each(streams)("limit_data, %s: so many bytes arrive, then the connection closes", async (stream) => {
  const arrived: Buffer[] = [];
  if (stream === "upstream") peer.sockets[0]?.on("data", (chunk: Buffer) => arrived.push(chunk));
  else client.socket.on("data", (chunk: Buffer) => arrived.push(chunk));
  await proxy.addToxic({ type: "limit_data", stream, attributes: { bytes: 10 } });
  await client.roundTrip("1234");
  client.socket.write("5678901234");
  await client.ended();
  await waitFor({ what: "ten bytes arrive", withinMs: 5_000 }, () => Buffer.concat(arrived).length >= 10);
  expect(Buffer.concat(arrived).toString()).toBe("1234567890");
  expect((await proxy.toxic(`limit_data_${stream}`)).affected).toMatchObject({ connections: 1, bytes: 4 });
});

it("limit_data closes only after all that it let through is delivered, however late", async () => {
  await using pouring = await startPeer((socket) => socket.end(Buffer.alloc(8_000_000, "x")));
  const address = await proxy.proxyTo(pouring.address, "pouring");
  await proxy.addToxic({ type: "limit_data", attributes: { bytes: 4_000_000 } }, "pouring");
  await proxy.addToxic({ type: "latency", attributes: { latency: 300 } }, "pouring");
  using reader = await connectTo(address);
  await reader.ended();
  expect(reader.received.length).toBe(4_000_000);
});

it("slow_close delays the end and not the data", async () => {
  await proxy.addToxic({ type: "slow_close", attributes: { delay: 500 } });
  expect(await client.roundTrip("data")).toBeLessThan(490);
  const startedMs = performance.now();
  client.socket.end();
  await client.ended();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(499);
  expect((await proxy.toxic("slow_close_downstream")).affected).toMatchObject({ connections: 1, bytes: 0 });
});

it("noop changes nothing and affects nothing", async () => {
  await proxy.addToxic({ type: "noop" });
  await client.roundTrip("data");
  expect((await proxy.toxic("noop_downstream")).affected).toMatchObject({ connections: 0, bytes: 0 });
});

it("toxics act in order of creation: what the first swallows never reaches the second", async () => {
  await proxy.addToxic({ type: "timeout", name: "first", attributes: { timeout: 0 } });
  await proxy.addToxic({ type: "latency", name: "second", attributes: { latency: 10 } });
  client.socket.write("lost");
  await waitFor(
    { what: "the bytes are swallowed", withinMs: 5_000 },
    async () => (await proxy.toxic("first")).affected.bytes === 4,
  );
  expect((await proxy.toxic("second")).affected).toMatchObject({ connections: 0, bytes: 0 });
});

it("toxicity 0 takes no connection, also for reset_peer", async () => {
  await proxy.addToxic({ type: "reset_peer", toxicity: 0 });
  await client.roundTrip("still here");
});

describe("toxicity of 40 %", () => {
  const sickOf = async (seed: string): Promise<string> => {
    await using server = await startServer({ seed });
    const address = await server.proxyTo(peer.address);
    await server.addToxic({ type: "timeout", toxicity: 0.4 });
    let outcome = "";
    for (let index = 0; index < 40; index += 1) {
      using one = await connectTo(address);
      one.socket.write("x");
      const bytesOf = async (): Promise<number> => (await server.toxic("timeout_downstream")).affected.bytes;
      const before = outcome.replaceAll("-", "").length;
      outcome += await waitFor({ what: "an answer or its loss", withinMs: 5_000, everyMs: 1 }, async () =>
        one.received.length === 1 ? "-" : (await bytesOf()) > before ? "s" : undefined,
      );
    }
    return outcome;
  };

  it("takes about that share of connections, the same ones for the same seed", async () => {
    const outcome = await sickOf("seed-1");
    const sick = outcome.replaceAll("-", "").length;
    expect(sick).toBeGreaterThan(5);
    expect(sick).toBeLessThan(30);
    expect(await sickOf("seed-1")).toBe(outcome);
    expect(await sickOf("seed-2")).not.toBe(outcome);
  });

  it("raised by PATCH adds connections, lowered to 0 lets them go", async () => {
    await proxy.addToxic({ type: "latency", toxicity: 0, attributes: { latency: 400 } });
    expect(await client.roundTrip("fast")).toBeLessThan(390);
    await proxy.expectOk("PATCH", "/proxies/edge/toxics/latency_downstream", { toxicity: 1 });
    expect(await client.roundTrip("slow")).toBeGreaterThanOrEqual(399);
    await proxy.expectOk("PATCH", "/proxies/edge/toxics/latency_downstream", { toxicity: 0 });
    expect(await client.roundTrip("fast")).toBeLessThan(390);
  });
});
