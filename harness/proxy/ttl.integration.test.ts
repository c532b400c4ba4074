import { afterEach, beforeEach, expect, it } from "vitest";
import type { Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import {
  connectTo,
  echo,
  startPeer,
  startServer,
  type Client,
  type Peer,
  type ProxyJson,
} from "./proxy.fixture.ts";

let proxy: Awaited<ReturnType<typeof startServer>>;
let peer: Peer;
let listen: Address;
let client: Client;

beforeEach(async () => {
  proxy = await startServer();
  peer = await startPeer(echo);
  listen = await proxy.proxyTo(peer.address);
  client = await connectTo(listen);
  await client.roundTrip("healthy");
});

afterEach(async () => {
  client[Symbol.dispose]();
  await proxy[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

const slow = { type: "latency", attributes: { latency: 60_000 } };
const edge = async () => (await proxy.expectOk("GET", "/proxies/edge")) as ProxyJson;
const ended = (name: string) =>
  waitFor({ what: `${name} ends`, withinMs: 10_000 }, async () =>
    (await proxy.evidence()).faults.find((fault) => fault.name === name && fault.ended_at_ms !== null),
  );

it("a toxic ends by itself after its time, and passes on what it held", async () => {
  const { expires_in_ms } = await proxy.addToxic({ ...slow, ttl_ms: 400 });
  expect(expires_in_ms).toBeGreaterThan(0);
  expect(expires_in_ms).toBeLessThanOrEqual(400);
  await client.roundTrip("held");
  const { ended_by, ended_at_ms, started_at_ms } = await ended("latency_downstream");
  expect(ended_by).toBe("ttl-expired");
  expect((ended_at_ms ?? 0) - started_at_ms).toBeGreaterThanOrEqual(399);
  expect((await edge()).toxics).toEqual([]);
  await proxy.addToxic({ type: "noop", name: "latency_downstream" }); // the name is free again
});

it("a toxic without a time to live stays, and one that is removed before ends but once", async () => {
  expect((await proxy.addToxic({ type: "noop", name: "lasting" })).expires_in_ms).toBeNull();
  await proxy.addToxic({ type: "noop", name: "short", ttl_ms: 150 });
  await proxy.addToxic({ type: "noop", name: "removed", ttl_ms: 100 });
  await proxy.removeToxic("removed");
  await ended("short");
  const { faults } = await proxy.evidence();
  expect(faults.map(({ name, ended_by }) => [name, ended_by])).toEqual([
    ["lasting", null],
    ["short", "ttl-expired"],
    ["removed", "removed"],
  ]);
});

it("a change with ttl_ms counts from then on; one without leaves the time as it is", async () => {
  await proxy.addToxic({ type: "noop", ttl_ms: 300 });
  const path = "/proxies/edge/toxics/noop_downstream";
  await proxy.expectOk("PATCH", path, { ttl_ms: 60_000 });
  expect((await proxy.toxic("noop_downstream")).expires_in_ms).toBeGreaterThan(50_000);
  const shown = await proxy.toxic("noop_downstream");
  await proxy.expectOk("POST", path, shown); // as clients send back what they got
  await proxy.expectOk("PATCH", path, { ttl_ms: 100 });
  expect((await ended("noop_downstream")).ended_by).toBe("ttl-expired");
});

it("what ends first counts: the lease or the time to live", async () => {
  await proxy.expectOk("PUT", "/leases/run", { ttl_ms: 60_000 });
  await proxy.addToxic({ type: "noop", name: "short", lease: "run", ttl_ms: 100 });
  await proxy.addToxic({ type: "noop", name: "long", lease: "run", ttl_ms: 60_000 });
  expect((await ended("short")).ended_by).toBe("ttl-expired");
  await proxy.expectOk("DELETE", "/leases/run");
  expect((await ended("long")).ended_by).toBe("lease-ended");
});

it("a proxy disabled for a time says how long, and comes back at its port", async () => {
  const disabled = (await proxy.expectOk("PATCH", "/proxies/edge", {
    enabled: false,
    ttl_ms: 400,
  })) as ProxyJson;
  expect(disabled).toMatchObject({ enabled: false });
  expect(disabled.expires_in_ms).toBeGreaterThan(0);
  await client.ended();
  await expect(connectTo(listen)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await ended("down")).toMatchObject({ type: "down", ended_by: "ttl-expired" });
  expect(await edge()).not.toHaveProperty("expires_in_ms");
  using next = await connectTo(listen);
  await next.roundTrip("healthy again");
});

it("a proxy that is down already is given a time to live, and a proxy made disabled for a time comes up", async () => {
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: false });
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: false, ttl_ms: 100 });
  expect((await ended("down")).ended_by).toBe("ttl-expired");
  await waitFor({ what: "it is up", withinMs: 5_000 }, async () => (await edge()).enabled);

  const upstream = `${peer.address.host}:${peer.address.port}`;
  await proxy.expectOk("POST", "/populate", [{ name: "late", upstream, enabled: false, ttl_ms: 100 }]);
  await waitFor(
    { what: "the late one is up", withinMs: 5_000 },
    async () => ((await proxy.expectOk("GET", "/proxies/late")) as ProxyJson).enabled,
  );
  expect((await proxy.evidence()).faults.at(-1)).toMatchObject({ proxy: "late", ended_by: "ttl-expired" });
});

it("a proxy enabled before its time is not touched when the time comes", async () => {
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: false, ttl_ms: 150 });
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: true });
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: false });
  await proxy.addToxic({ type: "noop", name: "clock", ttl_ms: 300 });
  await ended("clock");
  expect(await edge()).toMatchObject({ enabled: false });
});

it.each([0, -1, 1.5, "5s", 2 ** 31])("a time to live of %j is refused", async (ttl_ms) => {
  for (const [method, path, body] of [
    ["POST", "/proxies/edge/toxics", { type: "noop", ttl_ms }],
    ["PATCH", "/proxies/edge", { enabled: false, ttl_ms }],
  ] as const) {
    const reply = await proxy.call(method, path, body);
    expect(reply.status).toBe(400);
    expect(reply.text).toContain("ttl_ms: expected a whole number of milliseconds from 1 to 2147483647");
  }
  const enabled = await proxy.call("PATCH", "/proxies/edge", { enabled: true, ttl_ms: 5 });
  expect(enabled.text).toContain('ttl_ms: expected only together with \\"enabled\\": false');
  await client.roundTrip("untouched");
});
