import { createServer } from "node:net";
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
  proxy = await startServer({ leaseMs: 700 });
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

const fault = async (name: string) =>
  (await proxy.evidence()).faults.find((candidate) => candidate.name === name);
const ended = (name: string) =>
  waitFor({ what: `${name} ends`, withinMs: 10_000 }, async () => {
    const found = await fault(name);
    return found?.ended_at_ms === null ? undefined : found;
  });

it("a toxic whose lease is not renewed ends by itself, one without a lease stays", async () => {
  const granted = await proxy.expectOk("PUT", "/leases/run-1", { ttl_ms: 300 });
  expect(granted).toMatchObject({ name: "run-1", ttl_ms: 300 });
  await proxy.addToxic({ type: "latency", name: "leased", lease: "run-1", attributes: { latency: 60_000 } });
  await proxy.addToxic({ type: "noop", name: "lasting" });
  const answer = client.roundTrip("held");
  const { ended_by, lease } = await ended("leased");
  expect({ ended_by, lease }).toEqual({ ended_by: "lease-expired", lease: "run-1" });
  await answer;
  const { toxics } = (await proxy.expectOk("GET", "/proxies/edge")) as ProxyJson;
  expect(toxics.map(({ name }) => name)).toEqual(["lasting"]);
  expect(await proxy.expectOk("GET", "/leases")).toEqual({ leases: [] });
});

it("a renewed lease outlives its time, then ends when renewal stops", async () => {
  await proxy.expectOk("PUT", "/leases/run-1"); // 700 ms, the server's default
  await proxy.addToxic({ type: "noop", name: "leased", lease: "run-1" });
  const startedMs = performance.now();
  await waitFor({ what: "three lifetimes of renewals", withinMs: 10_000, everyMs: 100 }, async () => {
    await proxy.expectOk("PUT", "/leases/run-1");
    return performance.now() - startedMs > 2_100;
  });
  expect((await fault("leased"))?.ended_at_ms).toBeNull();
  const { started_at_ms, ended_at_ms } = await ended("leased");
  expect((ended_at_ms ?? 0) - started_at_ms).toBeGreaterThan(2_100);
});

it("a proxy disabled under a lease comes back at its port when the lease expires", async () => {
  await proxy.expectOk("PUT", "/leases/run-1", { ttl_ms: 300 });
  await proxy.expectOk("POST", "/proxies/edge", { enabled: false, lease: "run-1" });
  await client.ended();
  await expect(connectTo(listen)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await ended("down")).toMatchObject({ type: "down", ended_by: "lease-expired", lease: "run-1" });
  using next = await connectTo(listen);
  await next.roundTrip("healthy again");
});

it("a port taken meanwhile is got back as soon as it is free, and the fault lasts until then", async () => {
  await proxy.expectOk("PUT", "/leases/run-1", { ttl_ms: 60_000 });
  await proxy.expectOk("POST", "/proxies/edge", { enabled: false, lease: "run-1" });
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(listen.port, listen.host, resolve));
  const reply = await proxy.call("DELETE", "/leases/run-1");
  expect(reply.status).toBe(500);
  expect(reply.text).toContain("EADDRINUSE");
  expect((await fault("down"))?.ended_at_ms).toBeNull();
  await new Promise((resolve) => thief.close(resolve));
  expect((await ended("down")).ended_by).toBe("lease-ended");
  using next = await connectTo(listen);
  await next.roundTrip("healthy again");
});

it("a proxy that waits for its port stays down when it is disabled meanwhile", async () => {
  await proxy.expectOk("PUT", "/leases/run-1");
  await proxy.expectOk("POST", "/proxies/edge", { enabled: false, lease: "run-1" });
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(listen.port, listen.host, resolve));
  expect((await proxy.call("DELETE", "/leases/run-1")).status).toBe(500);
  await proxy.expectOk("POST", "/proxies/edge", { enabled: false });
  await new Promise((resolve) => thief.close(resolve));
  // Had it gone on trying (every 100 ms), it would be up by now.
  const startedMs = performance.now();
  await waitFor({ what: "three tries' time", withinMs: 5_000 }, () => performance.now() - startedMs > 350);
  await expect(connectTo(listen)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await proxy.expectOk("POST", "/proxies/edge", { enabled: true });
  expect(await fault("down")).toMatchObject({ ended_by: "removed" });
});

it("DELETE of a lease ends all its faults at once, on every proxy, and is idempotent", async () => {
  await proxy.proxyTo(peer.address, "other");
  await proxy.proxyTo(peer.address, "lasting");
  await proxy.expectOk("POST", "/proxies/lasting", { enabled: false });
  await proxy.expectOk("PUT", "/leases/run-1", { ttl_ms: 60_000 });
  await proxy.expectOk("PUT", "/leases/run-2", { ttl_ms: 60_000 });
  await proxy.addToxic({ type: "latency", name: "one", lease: "run-1", attributes: { latency: 60_000 } });
  await proxy.addToxic({ type: "noop", name: "two", lease: "run-2" });
  await proxy.expectOk("POST", "/proxies/other", { enabled: false, lease: "run-1" });
  const answer = client.roundTrip("held");
  expect((await proxy.call("DELETE", "/leases/run-1")).status).toBe(204);
  await answer;
  const { faults } = await proxy.evidence();
  expect(faults.map(({ name, ended_by }) => [name, ended_by])).toEqual([
    ["down", null],
    ["one", "lease-ended"],
    ["two", null],
    ["down", "lease-ended"],
  ]);
  expect((await proxy.call("DELETE", "/leases/run-1")).status).toBe(204);
  expect((await proxy.call("DELETE", "/leases/never")).status).toBe(204);
});

it("a fault cannot be put under a lease that is not held", async () => {
  const notFound = { status: 404, json: { error: "lease not found", status: 404 } };
  expect(await proxy.call("POST", "/proxies/edge/toxics", { type: "noop", lease: "no" })).toMatchObject(
    notFound,
  );
  expect(await proxy.call("PATCH", "/proxies/edge", { enabled: false, lease: "no" })).toMatchObject(notFound);
  await client.roundTrip("untouched");
  expect((await proxy.evidence()).faults).toEqual([]);
});

it("a proxy that is down cannot be claimed by another lease", async () => {
  await proxy.expectOk("PUT", "/leases/run-1");
  await proxy.expectOk("PATCH", "/proxies/edge", { enabled: false });
  expect((await proxy.call("PATCH", "/proxies/edge", { enabled: false, lease: "run-1" })).status).toBe(409);
  expect((await proxy.call("PATCH", "/proxies/edge", { enabled: false })).status).toBe(200);
});

it.each([{ ttl_ms: 0 }, { ttl_ms: "5s" }, { ttl: 5_000 }, []])("a lease of %j is refused", async (body) => {
  const reply = await proxy.call("PUT", "/leases/run-1", body);
  expect(reply.status).toBe(400);
  expect(reply.text).toMatch(/ttl|expected/);
});
