import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { measurePool } from "./database-metrics.ts";

it("a pool's connections are told as they are when asked", async () => {
  const registry = new Registry();
  const pool = { totalCount: 5, idleCount: 2, waitingCount: 0, options: { max: 12 } };
  measurePool(registry, pool);
  pool.waitingCount = 7;
  const lines = (await registry.metrics()).split("\n");
  for (const [state, count] of [
    ["in-use", 3],
    ["idle", 2],
    ["waiting", 7],
  ] as const)
    expect(lines).toContain(`database_pool_connections{state="${state}"} ${count}`);
});
