import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../base/wait.ts";
import { connectTo, echo, startPeer, startServer, type Peer, type ProxyJson } from "./proxy.fixture.ts";

let proxy: Awaited<ReturnType<typeof startServer>>;
let peer: Peer;
let upstream: string;

beforeEach(async () => {
  proxy = await startServer();
  peer = await startPeer(echo);
  upstream = `${peer.address.host}:${peer.address.port}`;
  await proxy.proxyTo(peer.address);
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

const latency = { type: "latency", attributes: { latency: 100 } };
const asJson = {
  attributes: { latency: 100, jitter: 0 },
  name: "latency_downstream",
  type: "latency",
  stream: "downstream",
  toxicity: 1,
  lease: null,
  matched: { requests: 0, connections: 0 },
  drawn: { requests: 0, connections: 0 },
  affected: { requests: 0, connections: 0, bytes: 0 },
  unreadable_connections: 0,
  first_affected_at_ms: null,
  last_affected_at_ms: null,
  expires_in_ms: null,
};

describe("proxies", () => {
  it("are created (201) at the real port, listed by name, shown and deleted (204)", async () => {
    const created = await proxy.call("POST", "/proxies", { name: "b", listen: "localhost:0", upstream });
    expect(created).toMatchObject({ status: 201, contentType: "application/json" });
    const json = created.json as ProxyJson;
    expect(json).toEqual({
      ...{ name: "b", listen: json.listen, upstream, enabled: true, toxics: [] },
      ...{ upstreams: [{ address: upstream, state: "up", connections: 0 }], draining: [], health: null },
    });
    expect(json.listen).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(Object.keys((await proxy.expectOk("GET", "/proxies")) as object)).toEqual(["edge", "b"]);
    expect(await proxy.expectOk("GET", "/proxies/b")).toEqual(json);
    expect(await proxy.call("DELETE", "/proxies/b")).toMatchObject({ status: 204, text: "" });
    expect((await proxy.call("GET", "/proxies/b")).status).toBe(404);
    await expect(
      connectTo({ host: "127.0.0.1", port: Number(json.listen.split(":")[1]) }),
    ).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("have names with any character, as paths encode them", async () => {
    await proxy.proxyTo(peer.address, "order->payment");
    expect(await proxy.expectOk("GET", "/proxies/order->payment")).toMatchObject({ name: "order->payment" });
    expect(await proxy.expectOk("GET", "/proxies/order-%3Epayment")).toMatchObject({
      name: "order->payment",
    });
  });

  it("exist once (409), and an address that is taken is a 500 that leaves nothing behind", async () => {
    expect(await proxy.call("POST", "/proxies", { name: "edge", upstream })).toMatchObject({
      status: 409,
      json: { error: "proxy already exists", status: 409 },
    });
    const taken = await proxy.call("POST", "/proxies", { name: "b", listen: upstream, upstream });
    expect(taken.status).toBe(500);
    expect(taken.text).toContain("EADDRINUSE");
    expect((await proxy.call("GET", "/proxies/b")).status).toBe(404);
  });

  it("created with enabled false listen nowhere until they are enabled", async () => {
    const created = await proxy.call("POST", "/proxies", { name: "b", upstream, enabled: false });
    expect(created.json).toMatchObject({ enabled: false });
    expect(await proxy.expectOk("POST", "/proxies/b", { enabled: true })).toMatchObject({ enabled: true });
    expect((await proxy.evidence()).faults).toEqual([]);
  });

  it.each(["POST", "PATCH"])("are updated by %s, which takes what a client sends back", async (method) => {
    const shown = (await proxy.expectOk("GET", "/proxies/edge")) as ProxyJson;
    const updated = await proxy.expectOk(method, "/proxies/edge", { ...shown, enabled: false });
    expect(updated).toEqual({ ...shown, enabled: false });
    expect(await proxy.expectOk(method, "/proxies/edge", shown)).toEqual(shown);
  });
});

describe("toxics", () => {
  it("are created (200) with defaults, listed, shown, merged by PATCH and deleted (204)", async () => {
    expect(await proxy.call("POST", "/proxies/edge/toxics", latency)).toMatchObject({
      status: 200,
      json: asJson,
    });
    expect(await proxy.expectOk("GET", "/proxies/edge/toxics")).toEqual([asJson]);
    expect(await proxy.expectOk("GET", "/proxies/edge/toxics/latency_downstream")).toEqual(asJson);
    expect(await proxy.expectOk("GET", "/proxies/edge")).toMatchObject({ toxics: [asJson] });
    const path = "/proxies/edge/toxics/latency_downstream";
    const merged = { ...asJson, attributes: { latency: 100, jitter: 7 } };
    expect(await proxy.expectOk("PATCH", path, { attributes: { jitter: 7 } })).toEqual(merged);
    expect(await proxy.expectOk("POST", path, { ...merged, toxicity: 0.5 })).toEqual({
      ...merged,
      toxicity: 0.5,
    });
    expect(await proxy.call("DELETE", path)).toMatchObject({ status: 204, text: "" });
    expect(await proxy.call("DELETE", path)).toMatchObject({
      status: 404,
      json: { error: "toxic not found", status: 404 },
    });
  });

  it("exist once (409), by name", async () => {
    await proxy.addToxic(latency);
    expect(await proxy.call("POST", "/proxies/edge/toxics", latency)).toMatchObject({
      status: 409,
      json: { error: "toxic already exists", status: 409 },
    });
    await proxy.addToxic({ ...latency, name: "second" });
  });

  it.each([
    [{ type: "lag" }, "invalid toxic type, expected one of bandwidth", 'got "lag"'],
    [{}, "invalid toxic type", 'got ""'],
    [{ type: "noop", stream: "sideways" }, "can be either upstream or downstream", 'got "sideways"'],
    [{ type: "noop", toxicity: 7 }, "toxicity: expected a share of connections from 0 to 1", "got 7"],
    [{ type: "noop", toxicity: "1" }, "toxicity: expected a share", 'got "1"'],
    [{ type: "noop", toxicty: 1 }, 'unknown key "toxicty"', 'did you mean "toxicity"'],
    [
      { type: "latency", attributes: { latency: -5 } },
      "attributes.latency: expected a whole number of milliseconds from 0",
      "got -5",
    ],
    [{ type: "latency", attributes: { latency: "5" } }, "attributes.latency: expected a whole", 'got "5"'],
    [{ type: "latency", attributes: { latency: 0.5 } }, "attributes.latency: expected a whole", "got 0.5"],
    [
      { type: "latency", attributes: { latncy: 5 } },
      'attributes: unknown key "latncy"',
      'did you mean "latency"',
    ],
    [{ type: "latency", attributes: [] }, "attributes: expected a mapping", "got []"],
    [{ type: "bandwidth" }, "missing required field: attributes.rate", "from 1 to"],
    [
      { type: "bandwidth", attributes: { rate: 0 } },
      "attributes.rate: expected a whole number of KB/s from 1",
      "got 0",
    ],
    [
      { type: "slicer", attributes: { average_size: 5, size_variation: 6 } },
      "expected at most average_size (5)",
      "got 6",
    ],
    [{ type: "timeout", attributes: { timeout: 3e9 } }, "attributes.timeout", "got 3000000000"],
  ])("%j is refused with what was expected and what was given", async (body, expected, given) => {
    const reply = await proxy.call("POST", "/proxies/edge/toxics", body);
    expect(reply.json).toEqual({ error: expect.any(String) as string, status: 400 });
    expect(reply.status).toBe(400);
    expect((reply.json as { error: string }).error).toContain(expected);
    expect((reply.json as { error: string }).error).toContain(given);
    expect((await proxy.evidence()).faults).toEqual([]);
  });

  it("keep their values when a change is refused", async () => {
    await proxy.addToxic(latency);
    const path = "/proxies/edge/toxics/latency_downstream";
    for (const change of [
      { attributes: { latency: -1 } },
      { attributes: { rate: 1 } },
      { type: "noop" },
      { stream: "upstream" },
    ])
      expect((await proxy.call("PATCH", path, change)).status, JSON.stringify(change)).toBe(400);
    expect(await proxy.expectOk("GET", path)).toEqual(asJson);
  });
});

describe("a bad proxy", () => {
  it.each([
    ["", "bad request body: Unexpected end of JSON input"],
    ["nonsense", "bad request body"],
    ["null", "bad request body: expected an object, got null"],
    [{ name: "b" }, "missing required field: upstream"],
    [{ name: "", upstream: "h:1" }, "missing required field: name"],
    [
      { name: "b", upstream: "nowhere" },
      'upstream: expected an address such as "127.0.0.1:5432", got "nowhere"',
    ],
    [{ name: "b", upstream: "h:0" }, "upstream: expected an address"],
    [{ name: "b", upstream: "h:1", listen: "127.0.0.1" }, "listen: expected an address"],
    [{ name: "b", upstream: "h:1", enabled: "no" }, 'enabled: expected true or false, got "no"'],
    [{ name: "b", upstream: "h:1", toxics: latency }, "toxics: expected a list of toxics"],
    [{ name: "b".repeat(257), upstream: "h:1" }, "name: expected a text of 1 to 256 characters"],
    [{ name: "b", upstream: "h:1", enable: true }, 'unknown key "enable", did you mean "enabled"?'],
  ])("%j is refused", async (body, error) => {
    const reply = await proxy.call("POST", "/proxies", body);
    expect(reply.status).toBe(400);
    expect((reply.json as { error: string }).error).toContain(error);
    expect((await proxy.call("GET", "/proxies/b")).status).toBe(404);
  });

  it("changes nothing when it is an update", async () => {
    const before = await proxy.expectOk("GET", "/proxies/edge");
    for (const change of [
      { upstream: 5 },
      { listen: "" },
      { name: "other" },
      { enabled: true, lease: "x" },
      { lease: "x" },
    ])
      expect((await proxy.call("PATCH", "/proxies/edge", change)).status, JSON.stringify(change)).toBe(400);
    expect(await proxy.expectOk("GET", "/proxies/edge")).toEqual(before);
  });
});

it("populate creates (201), keeps what is the same with its toxics, replaces what is not", async () => {
  await proxy.addToxic(latency);
  const edge = (await proxy.expectOk("GET", "/proxies/edge")) as ProxyJson;
  const populated = await proxy.call("POST", "/populate", [
    { name: "edge", listen: edge.listen, upstream },
    { name: "new", upstream },
  ]);
  expect(populated.status).toBe(201);
  expect(populated.json).toMatchObject({ proxies: [edge, { name: "new", enabled: true }] });
  await proxy.expectOk("POST", "/populate", [{ name: "edge", upstream: "localhost:1" }]);
  expect(await proxy.expectOk("GET", "/proxies/edge")).toMatchObject({ upstream: "localhost:1", toxics: [] });
  expect((await proxy.evidence()).faults[0]?.ended_by).toBe("proxy-changed");
});

it("populate refuses a list with a bad or a double proxy, and creates none of it", async () => {
  const refused = [
    [[{ name: "a", upstream }, { name: "b" }], "missing required field: upstream at proxy 2"],
    [
      [
        { name: "a", upstream },
        { name: "a", upstream },
      ],
      '[1].name: expected a name that no other proxy has, got "a"',
    ],
    [{ name: "a", upstream }, "expected a list of proxies"],
  ] as const;
  for (const [body, error] of refused) {
    const reply = await proxy.call("POST", "/populate", body);
    expect(reply.status).toBe(400);
    expect(reply.text).toContain(error.replaceAll('"', '\\"'));
    expect(reply.json).toMatchObject({ proxies: [] });
  }
  expect((await proxy.call("GET", "/proxies/a")).status).toBe(404);
});

it("reset (204) removes every toxic and enables every proxy", async () => {
  await proxy.addToxic(latency);
  await proxy.proxyTo(peer.address, "down");
  await proxy.expectOk("POST", "/proxies/down", { enabled: false });
  expect(await proxy.call("POST", "/reset")).toMatchObject({ status: 204, text: "" });
  const all = (await proxy.expectOk("GET", "/proxies")) as Record<string, ProxyJson>;
  expect(Object.values(all).map(({ enabled, toxics }) => [enabled, toxics])).toEqual([
    [true, []],
    [true, []],
  ]);
  expect((await proxy.evidence()).faults.map(({ ended_by }) => ended_by)).toEqual(["reset", "reset"]);
});

it("version says so as Toxiproxy does", async () => {
  const reply = await proxy.call("GET", "/version");
  expect(reply).toMatchObject({ status: 200, contentType: "application/json;charset=utf-8" });
  expect(reply.json).toEqual({ version: expect.stringMatching(/^squall-\d/) as string });
});

it("an unknown path is a plain-text 404, a wrong method a 405, a browser a 403", async () => {
  expect(await proxy.call("GET", "/nowhere")).toMatchObject({
    status: 404,
    contentType: "text/plain; charset=utf-8",
    text: "404 page not found\n",
  });
  for (const [method, path] of [
    ["PUT", "/proxies"],
    ["GET", "/reset"],
    ["DELETE", "/version"],
    ["POST", "/leases"],
  ] as const)
    expect(await proxy.call(method, path), path).toMatchObject({ status: 405, text: "" });
  for (const [method, path] of [
    ["GET", "/proxies/x"],
    ["PATCH", "/proxies/x"],
    ["POST", "/proxies/x/toxics"],
  ] as const)
    expect(await proxy.call(method, path, method === "GET" ? undefined : {}), path).toMatchObject({
      status: 404,
      json: { error: "proxy not found", status: 404 },
    });
  const browser = await fetch(`${proxy.server.url}/proxies`, { headers: { "user-agent": "Mozilla/5.0" } });
  expect(browser.status).toBe(403);
});

it("evidence counts while the connection is open", async () => {
  const { listen } = (await proxy.expectOk("GET", "/proxies/edge")) as ProxyJson;
  using client = await connectTo({ host: "127.0.0.1", port: Number(listen.split(":")[1]) });
  await proxy.addToxic({ ...latency, attributes: { latency: 1 } });
  await client.roundTrip("12345");
  await client.roundTrip("67");
  const { proxies, faults } = await proxy.evidence();
  expect(proxies).toEqual([
    {
      name: "edge",
      listen,
      upstream,
      connections: 1,
      open_connections: 1,
      upstream_failures: 0,
      upstream_bytes: 7,
      downstream_bytes: 7,
    },
  ]);
  expect(faults).toEqual([
    {
      id: "fault-1",
      proxy: "edge",
      name: "latency_downstream",
      type: "latency",
      stream: "downstream",
      toxicity: 1,
      attributes: { latency: 1, jitter: 0 },
      lease: null,
      started_at_ms: expect.any(Number) as number,
      ended_at_ms: null,
      ended_by: null,
      matched: { requests: 0, connections: 1 },
      drawn: { requests: 0, connections: 1 },
      affected: { requests: 0, connections: 1, bytes: 7 },
      unreadable_connections: 0,
      first_affected_at_ms: expect.any(Number) as number,
      last_affected_at_ms: expect.any(Number) as number,
      expires_in_ms: null,
    },
  ]);
});

it("a server that is closed has closed its proxies and their connections", async () => {
  const { listen } = (await proxy.expectOk("GET", "/proxies/edge")) as ProxyJson;
  const address = { host: "127.0.0.1", port: Number(listen.split(":")[1]) };
  using client = await connectTo(address);
  await client.roundTrip("healthy");
  await proxy.server.close();
  await client.ended();
  await expect(connectTo(address)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await waitFor({ what: "the upstream is told", withinMs: 5_000 }, () =>
    peer.sockets.every(({ readableEnded, destroyed }) => readableEnded || destroyed),
  );
});
