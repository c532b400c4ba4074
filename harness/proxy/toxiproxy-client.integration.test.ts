import { expect, it } from "vitest";
import { Toxiproxy, type Latency } from "toxiproxy-node-client";
import { connectTo, echo, startPeer, startServer } from "./proxy.fixture.ts";

/** Watches the methods of an object's class. @returns the names of those that were not called */
function watch(instance: object): () => readonly string[] {
  const prototype = Object.getPrototypeOf(instance) as Record<string, unknown>;
  const names = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
  const uncalled = new Set(names);
  for (const name of names) {
    const method = prototype[name] as (this: unknown, ...args: unknown[]) => unknown;
    prototype[name] = function (this: unknown, ...args: unknown[]): unknown {
      uncalled.delete(name);
      return method.apply(this, args);
    };
  }
  return () => [...uncalled];
}

it("the published Toxiproxy client drives every method that it has", async () => {
  await using proxy = await startServer();
  await using peer = await startPeer(echo);
  const upstream = `${peer.address.host}:${peer.address.port}`;
  const toxiproxy = new Toxiproxy(proxy.server.url);
  const uncalled = [watch(toxiproxy), watch(toxiproxy.getApi())];
  expect(JSON.parse(await toxiproxy.getVersion())).toHaveProperty("version");

  const edge = await toxiproxy.createProxy({ name: "edge", listen: "localhost:0", upstream });
  uncalled.push(watch(edge));
  expect(edge.getToxiproxy()).toBe(toxiproxy);
  expect(edge.getHost()).toBe(proxy.server.url);
  const populated = await toxiproxy.populate([{ name: "other", listen: "localhost:0", upstream }]);
  expect(Object.keys(populated)).toEqual(["other"]);
  expect(Object.keys(await toxiproxy.getAll())).toEqual(["edge", "other"]);
  expect((await toxiproxy.get("edge")).toJson()).toEqual(edge.toJson());

  const address = { host: "127.0.0.1", port: Number(edge.listen.split(":")[1]) };
  using client = await connectTo(address);
  await client.roundTrip("healthy");
  const toxic = await edge.addToxic<Latency>({
    name: "slow",
    type: "latency",
    stream: "downstream",
    toxicity: 1,
    attributes: { latency: 300, jitter: 0 },
  });
  uncalled.push(watch(toxic));
  expect(await client.roundTrip("slow")).toBeGreaterThanOrEqual(299);
  expect((await edge.getToxic<Latency>("slow")).toJson()).toEqual(toxic.toJson());
  const slower = await toxic.update({ ...toxic.toJson(), attributes: { latency: 600, jitter: 0 } });
  expect(slower.attributes).toEqual({ latency: 600, jitter: 0 });
  expect(await client.roundTrip("slower")).toBeGreaterThanOrEqual(599);
  await toxic.remove();
  await expect(edge.getToxic("slow")).rejects.toThrow("404");

  const { listen } = edge;
  expect((await edge.update({ enabled: false, listen, upstream })).enabled).toBe(false);
  await expect(connectTo(address)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await toxiproxy.reset();
  expect((await toxiproxy.get("edge")).enabled).toBe(true);
  using next = await connectTo(address);
  await next.roundTrip("healthy again");

  await edge.remove();
  await expect(toxiproxy.get("edge")).rejects.toThrow("404");
  expect(uncalled.flatMap((names) => names())).toEqual([]);
});
