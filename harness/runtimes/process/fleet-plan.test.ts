import { expect, test } from "vitest";
import { callVariables, planFleet, storeUrl } from "./fleet-plan.ts";
import { toyTarget } from "./fixtures/toy-target.ts";

const target = toyTarget("/nowhere");

test("everything listens on a port of its own, below the ports of outgoing connections", async () => {
  const plan = await planFleet(target);
  const ports = [
    plan.proxyApi,
    plan.receiver,
    ...plan.edges.map(({ listen }) => listen),
    ...[...plan.addresses.values()].flatMap((own) => Object.values(own)),
    ...plan.stores.values(),
  ].map(({ port }) => port);
  expect(ports).toHaveLength(2 + 4 + 3 + 1);
  expect(new Set(ports).size).toBe(ports.length);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(12_000);
  expect(Math.max(...ports)).toBeLessThan(32_000);
});

test("each edge leads from a proxy to where its callee really listens", async () => {
  const { edges, addresses, stores } = await planFleet(target);
  expect(edges.map(({ proxy, upstream }) => [proxy, upstream])).toEqual([
    ["client->front", addresses.get("front")?.["http"]],
    ["front->back", addresses.get("back")?.["http"]],
    ["front->world", addresses.get("world")?.["http"]],
    ["back->back-db", stores.get("back-db")],
  ]);
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
