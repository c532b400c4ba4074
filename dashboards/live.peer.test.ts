import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { startWholeShop, type WholeShop } from "../target-system/gateway/whole-shop.fixture.ts";
import { createHarnessMetrics } from "../harness/engine/harness-metrics.ts";
import { createTally as createReceiverTally } from "../harness/observe/receiver-tally.ts";
import type { LoadProgress } from "../harness/load/driver.ts";
import { createTally } from "../harness/load/recording/tally.ts";
import { serveMetrics } from "../harness/observe/metrics-server.ts";
import { waitFor } from "../harness/base/wait.ts";
import { freePort } from "../test/free-port.fixture.ts";
import { ruleSets, rulesOf } from "./generated.ts";
import { boardQueries } from "./queries.ts";

/** Every query before a real Prometheus, which scrapes the real shop while things go wrong in it. */

const folder = mkdtempSync(join(tmpdir(), "squall-live-"));
const started = new AsyncDisposableStack();
let shop: WholeShop;
let prometheus: string;

beforeAll(async () => {
  shop = started.use(await startWholeShop());
  prometheus = await startPrometheus({ ...addressesOf(shop), squall: await startHarness() });
});
afterAll(async () => {
  await started.disposeAsync();
  rmSync(folder, { recursive: true });
});

function addressesOf({ services }: WholeShop): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(services).map(([name, { url }]) => [name, new URL(url).host]));
}

/** The harness' own metrics, told of a run with a fault that comes and goes. */
const run = "2026-11-21T10-00-00-live";
const gatewaySpans = {
  spans: 0,
  bytes: 0,
  firstReceivedAtMs: 0,
  lastReceivedAtMs: 0,
  droppedAttributes: 0,
  droppedEvents: 0,
  droppedLinks: 0,
};
const recorder = { scrapes: 0, failed: 0, targets: 8, sizeBytes: 0, problem: undefined };
const harness = createHarnessMetrics({
  run,
  planned: [
    {
      id: "f1",
      fault: { kind: "down", edge: { caller: "gateway", callee: "recommendation" } },
      lease: "l",
      place: "p",
    },
  ],
  thresholdsMs: [250],
  receiver: () => Promise.resolve({ ...createReceiverTally().stats, services: { gateway: gatewaySpans } }),
  recorder: () => recorder,
});

async function startHarness(): Promise<string> {
  const server = started.use(await serveMetrics({ host: "127.0.0.1", port: 0 }, harness));
  harness.takeEvent({ event: "phase-started", phase: "fault" });
  return new URL(server.url).host;
}

/** A second of the run: 8 of 10 journeys that should have started did, and one of them failed. */
function goOn(): void {
  round += 1;
  const what = { fault: "f1", edge: "gateway -> recommendation" } as const;
  harness.takeEvent(
    round % 2 === 1
      ? { event: "fault-injected", ...what, faultKind: "down", detail: "" }
      : { event: "fault-undone", fault: "f1", by: "plan", durationMs: 1 },
  );
  const journey = { journey: "browse", arrival: round, intendedMs: 0, endedMs: 80 } as const;
  const progress: LoadProgress = {
    atMs: Date.now(),
    intended: 10 * round,
    started: 8 * round,
    underWay: 1,
    ended: [
      { ...journey, completion: "ok" },
      { ...journey, completion: "fail", errorKind: "http-503" },
    ],
    steps: [],
    health: { lateP99Ms: 2, lateMaxMs: 9, cpuShare: 0.2, stallMaxMs: 12 },
    users: 8,
    operations: createTally().toJSON(),
  };
  harness.takeProgress(progress);
  gatewaySpans.spans += 40;
  recorder.scrapes += 8;
  recorder.failed += 1;
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
  const groups = sets.flatMap(rulesOf);
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
  goOn();
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
];

const queries = boardQueries().filter(({ query }) => !silent.some(([each]) => each.test(query)));

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

const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({ name: z.string(), rules: z.array(z.object({ name: z.string(), state: z.string() })) }),
    ),
  }),
});

async function isFiring(group: string): Promise<boolean> {
  const response = await fetch(`${prometheus}/api/v1/rules?type=alert`);
  const { groups } = rulesSchema.parse(await response.json()).data;
  const found = groups.find(({ name }) => name === group);
  if (found === undefined)
    throw new Error(`no group ${group} in ${groups.map(({ name }) => name).join(", ")}`);
  return found.rules.some(({ state }) => state === "firing");
}

// No run that tests make elsewhere has slow pages of products, so that no recorded one shows this alert.
test("pages of products that come late, and do come, page whoever is on call for that", async () => {
  shop.heal();
  const group = "experiment-product-latency";
  const open = async (): Promise<void> => {
    const pages = await Promise.all(
      Array.from({ length: 10 }, () => fetch(`${shop.url}/api/products/p-0001`)),
    );
    expect(pages.map(({ status }) => status)).toEqual(pages.map(() => 200));
  };
  await waitFor({ what: "no alert of the first, slow pages", withinMs: 40_000 }, async () => {
    await open();
    return !(await isFiring(group));
  });
  // Later than the objective has it, and sooner than the gateway gives up.
  shop.edges.catalog.become({ kind: "delay", requestsMs: 650 });
  await waitFor({ what: "the alert", withinMs: 30_000 }, async () => {
    await open();
    return isFiring(group);
  });
  expect(await isFiring("experiment-payment-success")).toBe(false);
});
