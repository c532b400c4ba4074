import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createRandom } from "../base/random.ts";
import { apiRoutes } from "./api.ts";
import { intended } from "./differential.fixture.ts";
import { EventStreams } from "./event-streams.ts";
import { LeaseBook } from "./lease.ts";
import { proxyMetrics } from "./proxy-metrics.ts";
import { ProxySet } from "./proxy-set.ts";
import { proxyListSchema } from "./proxy-spec.ts";
import { toxicKinds } from "./toxics/registry.ts";

const read = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), "utf8");
const page = read("proxy");

it("docs/proxy.md, http-faults.md and postgres-faults.md name every toxic there is, and no other", () => {
  const tables = ["proxy", "http-faults", "postgres-faults"].map((name) => {
    const [table = ""] = /^\| type .*\n(?:\|.*\n)+/m.exec(read(name)) ?? [];
    return table;
  });
  const documented = [...tables.join("").matchAll(/^\| `(\w+)`/gm)].map(([, type]) => type);
  expect(documented.toSorted()).toEqual([...toxicKinds.keys()].toSorted());
});

it("docs/proxy.md names every route with its methods", () => {
  using leases = new LeaseBook(() => undefined);
  const proxies = new ProxySet(createRandom("docs"), leases);
  const streams = new EventStreams(proxies.ledger.events);
  const routes = apiRoutes({ proxies, leases, streams, defaultTtlMs: 5_000 });
  for (const { path, ...methods } of routes) {
    const documented = path.replaceAll(/:(\w+)/g, "{$1}");
    for (const method of Object.keys(methods)) {
      if (method === "POST" && "PATCH" in methods) continue; // said beside PATCH
      expect(page).toContain(`\`${method} ${documented}\``);
    }
  }
});

it("docs/proxy.md tells every intended difference from Toxiproxy, and no other", () => {
  const section = page.slice(page.indexOf("## Intended differences from Toxiproxy"));
  const told = [...section.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, name]) => name);
  expect(told.toSorted()).toEqual([...intended.answers, ...intended.effects].toSorted());
});

it("docs/proxy.md names every metric there is, and no other", async () => {
  using leases = new LeaseBook(() => undefined);
  const metrics = await proxyMetrics(new ProxySet(createRandom("docs"), leases)).getMetricsAsJSON();
  const documented = [...page.matchAll(/^\| `((?:toxiproxy|squall)_\w+)`/gm)].map(([, name]) => name);
  expect(documented.toSorted()).toEqual(metrics.map(({ name }) => name).toSorted());
});

it("the configuration that docs/proxy.md shows is one", () => {
  const [, example = ""] = /```json\n(\[[^`]*)```/.exec(page) ?? [];
  const result = proxyListSchema.safeParse(JSON.parse(example));
  expect(result.data?.[0]?.toxics).toMatchObject([{ name: "latency_downstream", ttlMs: 60_000 }]);
});
