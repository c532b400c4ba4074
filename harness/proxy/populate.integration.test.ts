import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAddress } from "../base/address.ts";
import { createRandom } from "../base/random.ts";
import { LeaseBook } from "./lease.ts";
import { connectTo, echo, startPeer, startServer, type Peer, type ProxyJson } from "./proxy.fixture.ts";
import { ProxySet } from "./proxy-set.ts";
import { newProxySchema } from "./proxy-spec.ts";

let proxy: Awaited<ReturnType<typeof startServer>>;
let peer: Peer;
let upstream: string;

beforeEach(async () => {
  proxy = await startServer();
  peer = await startPeer(echo);
  upstream = `${peer.address.host}:${peer.address.port}`;
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

const slow = { type: "latency", attributes: { latency: 300 } };
const all = async () => (await proxy.expectOk("GET", "/proxies")) as Readonly<Record<string, ProxyJson>>;

function addressOf({ listen }: ProxyJson) {
  const address = parseAddress(listen);
  if (!address) throw new Error(`no address: ${listen}`);
  return address;
}

describe("a proxy created with toxics", () => {
  it("has them by their names or the usual ones, and its first connection feels them", async () => {
    await proxy.expectOk("POST", "/proxies", { name: "healthy", upstream });
    const created = (await proxy.expectOk("POST", "/proxies", {
      name: "edge",
      upstream,
      toxics: [slow, { ...slow, name: "also", stream: "upstream", toxicity: 0.5 }],
    })) as ProxyJson;
    expect(created.toxics).toMatchObject([
      { name: "latency_downstream", type: "latency", attributes: { latency: 300, jitter: 0 } },
      { name: "also", stream: "upstream", toxicity: 0.5 },
    ]);
    expect((await all())["edge"]).toEqual(created);
    using client = await connectTo(addressOf(created));
    expect(await client.roundTrip("slow")).toBeGreaterThanOrEqual(299);
    expect((await proxy.evidence()).faults[0]).toMatchObject({ affected: { connections: 1 } });
  });

  it("is not made at all when one of them is wrong, and every problem of each is named", async () => {
    const reply = await proxy.call("POST", "/proxies", {
      name: "edge",
      upstream,
      toxics: [
        slow,
        {
          type: "latency",
          name: "b",
          toxicity: 7,
          stream: "sideways",
          attributes: { latency: -5, jiter: 1 },
        },
        { type: "lag" },
        slow,
      ],
    });
    const { error } = reply.json as { error: string };
    expect(reply.status).toBe(400);
    for (const problem of [
      "toxics[1].toxicity: expected a share of connections from 0 to 1, got 7",
      'toxics[1].stream: stream was invalid, can be either upstream or downstream, got "sideways"',
      "toxics[1].attributes.latency: expected a whole number of milliseconds from 0 to 2147483647, got -5",
      'toxics[1].attributes: unknown key "jiter", did you mean "jitter"?',
      "toxics[2].type: invalid toxic type, expected one of bandwidth",
    ])
      expect(error).toContain(problem);
    expect(await all()).toEqual({});
    expect((await proxy.evidence()).faults).toEqual([]);
    expect(peer.sockets).toEqual([]);
  });

  it("is not made when two have one name, or one a lease that is not held", async () => {
    const twice = await proxy.call("POST", "/proxies", { name: "edge", upstream, toxics: [slow, slow] });
    expect(twice.status).toBe(400);
    expect(twice.text).toContain("toxics[1].name: expected a name that no other toxic of the proxy has");
    const leased = { name: "edge", upstream, toxics: [slow, { type: "noop", lease: "no" }] };
    expect((await proxy.call("POST", "/proxies", leased)).status).toBe(404);
    expect(await all()).toEqual({});
    expect((await proxy.evidence()).faults).toEqual([]);
  });

  it("leaves no fault in place when its address cannot be had", async () => {
    const reply = await proxy.call("POST", "/proxies", {
      name: "edge",
      listen: upstream,
      upstream,
      toxics: [slow],
    });
    expect(reply.status).toBe(500);
    expect(await all()).toEqual({});
    expect((await proxy.evidence()).faults).toMatchObject([{ ended_by: "proxy-changed" }]);
  });

  it("goes when its lease ends, as any toxic does", async () => {
    await proxy.expectOk("PUT", "/leases/run", { ttl_ms: 60_000 });
    await proxy.expectOk("POST", "/proxies", { name: "edge", upstream, toxics: [{ ...slow, lease: "run" }] });
    await proxy.expectOk("DELETE", "/leases/run");
    expect((await all())["edge"]?.toxics).toEqual([]);
  });
});

describe("populate with toxics", () => {
  it("makes none of the proxies when a toxic of the last is wrong, and says which", async () => {
    const reply = await proxy.call("POST", "/populate", [
      { name: "a", upstream, toxics: [slow] },
      { name: "b", upstream, toxics: [slow, { type: "bandwidth" }] },
    ]);
    expect(reply.status).toBe(400);
    expect(reply.text).toContain("missing required field: toxics[1].attributes.rate at proxy 2");
    expect(await all()).toEqual({});
    expect((await proxy.evidence()).faults).toEqual([]);
  });

  it("leaves what is the same with its counts, replaces what differs, adds what is missing, removes nothing", async () => {
    const toxics = [slow, { type: "noop", name: "idle" }];
    const [edge] = (
      (await proxy.expectOk("POST", "/populate", [{ name: "edge", upstream, toxics }])) as {
        proxies: ProxyJson[];
      }
    ).proxies;
    if (!edge) throw new Error("no proxy");
    using client = await connectTo(addressOf(edge));
    await client.roundTrip("counted");
    const again = [
      { ...edge, toxics: [slow, { type: "noop", name: "idle", toxicity: 0.5 }, { type: "noop" }] },
    ];
    await proxy.expectOk("POST", "/populate", again);
    expect((await all())["edge"]?.toxics).toMatchObject([
      { name: "latency_downstream", affected: { bytes: 7 } },
      { name: "idle", toxicity: 0.5 },
      { name: "noop_downstream" },
    ]);
    await proxy.expectOk("POST", "/populate", [{ name: "edge", listen: edge.listen, upstream, toxics: [] }]);
    expect((await all())["edge"]?.toxics).toHaveLength(3);
    expect((await proxy.evidence()).faults.map(({ ended_by }) => ended_by)).toEqual([
      null,
      "removed",
      null,
      null,
    ]);
    await client.roundTrip("still connected");
  });

  it("takes what GET gives, so that a set of proxies can be kept in a file and put back", async () => {
    await proxy.expectOk("POST", "/proxies", {
      name: "edge",
      upstream,
      toxics: [{ ...slow, ttl_ms: 60_000 }],
    });
    const kept = Object.values(await all());
    await proxy.expectOk("DELETE", "/proxies/edge");
    await proxy.expectOk("POST", "/populate", kept);
    const { matched: _, ...toxic } = kept[0]?.toxics[0] as unknown as Record<string, unknown>;
    expect((await all())["edge"]?.toxics).toMatchObject([{ ...toxic, expires_in_ms: null }]);
  });
});

it("a proxy that has been deleted cannot be brought back by a request that was on its way", async () => {
  using leases = new LeaseBook(() => undefined);
  const proxies = new ProxySet(createRandom("deleted"), leases);
  const spec = newProxySchema.parse({ name: "edge", upstream });
  const deleted = await proxies.create(spec);
  proxies.remove("edge");
  const notFound = { status: 404, message: "proxy not found" };
  await expect(deleted.enable("removed")).rejects.toMatchObject(notFound);
  await expect(deleted.restore("reset")).rejects.toMatchObject(notFound);
  expect(() => deleted.disable({ lease: undefined, ttlMs: 1_000 })).toThrow(
    expect.objectContaining(notFound) as Error,
  );
  await expect(connectTo(deleted.listen)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(proxies.ledger.faults).toEqual([]);
});
