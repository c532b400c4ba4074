import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { Target } from "../../target/target.ts";
import { callVariables, listenersOf, planFleet, storeUrl } from "./fleet-plan.ts";
import { toyTarget } from "./fixtures/toy-target.ts";

const target = toyTarget("/nowhere");

test("everything listens on a port of its own, below the ports of outgoing connections", async () => {
  const plan = await planFleet(target);
  const ports = listenersOf(plan).map(({ port }) => port);
  expect(ports).toHaveLength(2 + 4 + 3 + 1);
  expect(new Set(ports).size).toBe(ports.length);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(12_000);
  expect(Math.max(...ports)).toBeLessThan(32_000);
});

test("each edge leads from a proxy to where its callee really listens", async () => {
  const { edges, outside, replicas, stores } = await planFleet(target);
  expect(edges.map(({ proxy, upstream }) => [proxy, upstream])).toEqual([
    ["client->front", replicas.get("front")?.[0]?.addresses["http"]],
    ["front->back", replicas.get("back")?.[0]?.addresses["http"]],
    ["front->world", outside.get("world")?.["http"]],
    ["back->back-db", stores.get("back-db")],
  ]);
});

test("replicas are called after their service, with a number that makes the name new, and listen on ports of their own", async () => {
  const services = { ...target.services, "back-2": target.services["front"] };
  const { replicas } = await planFleet({ ...target, services } as Target, { back: 3 });
  expect([...replicas].map(([service, own]) => [service, own.map(({ name }) => name)])).toEqual([
    ["front", ["front"]],
    ["back", ["back", "back-3", "back-4"]],
    ["back-2", ["back-2"]],
  ]);
  const ports = [...replicas.values()].flat().map(({ addresses }) => addresses["http"]?.port);
  expect(new Set(ports).size).toBe(5);
});

test("of replicas only the first has the port that the target fixes", async () => {
  const fixed = await unusedPort();
  const { replicas } = await planFleet(toyTarget("/nowhere", { frontPort: fixed }), { front: 2 });
  const ports = replicas.get("front")?.map(({ addresses }) => addresses["http"]?.port) ?? [];
  expect(ports[0]).toBe(fixed);
  expect(ports[1]).not.toBe(fixed);
});

test("a caller is told the proxy's address, and the login and database of its store", async () => {
  const plan = await planFleet(target);
  const back = target.services["back"];
  if (back === undefined) throw new Error("the toy has a service back");
  const edge = plan.edges.find(({ proxy }) => proxy === "back->back-db");
  expect(callVariables("back", back, plan, { user: "u", password: "p" })).toEqual({
    DATABASE_URL: `postgresql://u:p@127.0.0.1:${edge?.listen.port}/back-db`,
  });
});

test("a store's own URL leads past the proxies", () => {
  expect(storeUrl("back-db", { host: "127.0.0.1", port: 15_432 }, { user: "u", password: "p" })).toBe(
    "postgresql://u:p@127.0.0.1:15432/back-db",
  );
});

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
