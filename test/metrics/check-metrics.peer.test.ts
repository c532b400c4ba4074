import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { startWholeShop } from "../../target-system/gateway/whole-shop.fixture.ts";

test("Prometheus' linter has nothing to say of what any service exports", async () => {
  await using shop = await startWholeShop();
  await fetch(`${shop.url}/api/products/p-0001`);
  for (const [name, { url }] of Object.entries(shop.services)) {
    const input = await (await fetch(`${url}/metrics`)).text();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input,
      encoding: "utf8",
    });
    expect({ status, said: stdout + stderr }, name).toEqual({ status: 0, said: "" });
  }
});
