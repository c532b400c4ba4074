import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { startWholeShop, type WholeShop } from "../target-system/gateway/whole-shop.fixture.ts";
import { waitFor } from "../harness/base/wait.ts";
import { freePort } from "../test/free-port.fixture.ts";
import { boards } from "./boards.ts";
import { ruleSets, shop as target } from "./generated.ts";
import { sloRules } from "./slo-rules.ts";

/** Every query before a real Prometheus, which scrapes the real shop while things go wrong in it. */

const folder = mkdtempSync(join(tmpdir(), "squall-live-"));
const started = new AsyncDisposableStack();
let shop: WholeShop;
let prometheus: string;

beforeAll(async () => {
  shop = started.use(await startWholeShop());
  prometheus = await startPrometheus({ ...addressesOf(shop), squall: await startFaultGauge() });
});
afterAll(async () => {
  await started.disposeAsync();
  rmSync(folder, { recursive: true });
});

function addressesOf({ services }: WholeShop): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(services).map(([name, { url }]) => [name, new URL(url).host]));
}

/** What the harness exports of a fault, for as long as the test takes. */
async function startFaultGauge(): Promise<string> {
  const gauge = 'chaos_fault_active{fault="down",edge="gateway -> recommendation",run="live"} 1\n';
  const server = createServer((_request, response) => response.end(gauge)).listen(0, "127.0.0.1");
  await once(server, "listening");
  started.defer(() => server.closeAllConnections());
  started.defer(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startPrometheus(targets: Readonly<Record<string, string>>): Promise<string> {
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yaml"],
    scrape_configs: Object.entries(targets).map(([name, address]) => ({
      job_name: name,
      static_configs: [{ targets: [address] }],
    })),
  };
  // Those of production, of which the boards are, and sooner evaluated; and those of experiments, whose alerts fire in time.
  const sets = Object.values(ruleSets).map((set) => ({ ...set, intervalMs: 1_000 }));
  const groups = sets.flatMap((set) => sloRules(target.slos, set));
  writeFileSync(join(folder, "rules.yaml"), stringify({ groups }));
  writeFileSync(join(folder, "prometheus.yaml"), stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${address}`,
      "--enable-feature=exemplar-storage",
    ],
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  started.defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const isReady = async (): Promise<boolean> => (await fetch(`http://${address}/-/ready`)).ok;
  await waitFor({ what: "Prometheus to be ready", withinMs: 20_000 }, isReady);
  return `http://${address}`;
}

const answerSchema = z.object({
  status: z.literal("success"),
  data: z.object({ result: z.array(z.unknown()) }),
});

async function seriesOf(query: string): Promise<number> {
  const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
  return answerSchema.parse(await response.json()).data.result.length;
}

let round = 0;

async function makeThingsHappen(): Promise<void> {
  round += 1;
  const gateway = shop.services["gateway"];
  if (gateway === undefined) throw new Error("expected a gateway");
  const { body } = await gateway.request("POST", "/api/login", {
    email: "user-001@shop.example",
    password: "password-001",
  });
  const authorization = `Bearer ${(body as { accessToken: string }).accessToken}`;
  for (let n = 0; n < 6; n += 1) {
    shop.edges.recommendation.become({ kind: n % 3 === 0 ? "pass" : "cut" });
    const order = { items: [{ productId: "p-0001", quantity: 1 }] };
    const headers = { authorization, "idempotency-key": `order-${round}-${n >> 1}` };
    await Promise.all([
      gateway.request("POST", "/api/checkout", order, headers),
      gateway.request("GET", "/api/products/p-0001"),
      gateway.request("GET", "/api/products"),
      gateway.request("GET", "/api/products", undefined, { "x-deadline-ms": "0" }),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 500)); // so that scrapes see one after the other
  }
}

/** Has nothing to show in a short run, and why. */
const silent: readonly (readonly [query: RegExp, why: string])[] = [
  [/^sum by \(job\) \(rate\(http_server_shed_total/, "nothing is shed: it takes 256 requests at once"],
  [/outcome!="done"/, "no database is in trouble"],
  [/^\(sum\(.*unless on \(\)/, "there is a fault all the time"],
  [/^\(histogram_quantile.*unless on \(\)/, "there is a fault all the time"],
];

const queries = boards.flatMap(({ uid, panels }) =>
  panels.flatMap(({ title, queries }) =>
    queries
      .filter(({ expr }) => !silent.some(([each]) => each.test(expr)))
      .map(({ expr }) => {
        const query = expr
          .replaceAll("$__rate_interval", "30s")
          .replaceAll('job="$job"', 'job="gateway"')
          .replaceAll(/\$\w+/g, ".+");
        return { query, asked: `${uid}: ${title} ${query}` };
      }),
  ),
);

test("every query of every board returns data, or has a reason not to", { timeout: 110_000 }, async () => {
  let empty = queries;
  const deadlineMs = performance.now() + 90_000;
  while (empty.length > 0 && performance.now() < deadlineMs) {
    await makeThingsHappen();
    const series = await Promise.all(empty.map(({ query }) => seriesOf(query)));
    empty = empty.filter((_, index) => series[index] === 0);
  }
  expect(empty.map(({ asked }) => asked)).toEqual([]);
});
