import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { waitFor } from "../../harness/base/wait.ts";
import { summarySchema, type Summary } from "../../harness/record/summary.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { root, squall } from "../e2e/squall-command.ts";
import { typePage } from "./game-day.fixture.ts";
import { createStack, variable, type Stack } from "./stack.fixture.ts";

/** docker-compose.yml brought up by real Compose on a real engine, one test after the other on the same stack. */

const target = loadTarget(new URL("../../target-system/target.yaml", import.meta.url).pathname);
const parts = [target.services, target.outside, target.stores].flatMap((group) => Object.keys(group));

const runs = mkdtempSync(join(tmpdir(), "squall-stack-"));
let stack: Stack;
beforeAll(async () => {
  stack = await createStack();
  await stack.compose("build");
}, 240_000);
afterAll(async () => {
  rmSync(runs, { recursive: true, force: true });
  await stack.remove();
}, 60_000);

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(stack.entry + path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

let orders = 0;

async function checkOut(): Promise<string> {
  const { body } = await ask("POST", "/api/login", {
    email: "user-001@shop.example",
    password: "password-001",
  });
  orders += 1;
  const order = await ask(
    "POST",
    "/api/checkout",
    { items: [{ productId: "p-0001", quantity: 1 }] },
    {
      authorization: `Bearer ${String(body["accessToken"])}`,
      "idempotency-key": `${stack.project}-${orders}`,
    },
  );
  expect(order).toMatchObject({ status: 201, body: { status: "confirmed" } });
  return String(order.body["orderId"]);
}

async function proxyApi(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(stack.proxyApi + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status, `${method} ${path}`).toBeLessThan(300);
  return response.status === 204 ? undefined : response.json();
}

test("up --wait returns when every part is ready: a checkout goes through, and is mailed", async () => {
  await stack.compose("up", "--wait");
  const containers = await stack.containers();
  const healthy = containers.filter(({ health }) => health === "healthy").map(({ service }) => service);
  expect(healthy.toSorted()).toEqual([...parts, "proxy", "receiver"].toSorted());
  expect(containers.find(({ service }) => service === "prepare")).toMatchObject({ exitCode: 0 });

  const orderId = await checkOut();
  const mailbox = `${await stack.url("smtp", 3000)}/mailbox`;
  await waitFor({ what: "the mail that confirms the order", withinMs: 10_000 }, async () =>
    (await (await fetch(mailbox)).text()).includes(orderId),
  );
  const stats = `${await stack.url("receiver", 4318)}/stats`;
  await waitFor({ what: "spans of the whole fleet", withinMs: 20_000 }, async () => {
    const { services } = (await (await fetch(stats)).json()) as { services: object };
    return Object.keys(target.services).every((name) => name in services);
  });
}, 240_000);

async function judged(experiment: string): Promise<Summary> {
  const run = squall([
    ...["run", experiment, "--json"],
    ...["--runtime", "docker", "--project", stack.project, "--runs", runs],
  ]);
  await run.exit;
  const text = run.out();
  expect(text, run.err()).toContain("{");
  return summarySchema.parse(JSON.parse(text));
}

test("a container starts with what it needs bundled and compiled, though it can write nowhere", async () => {
  const has = `const { getCompileCacheDir } = await import("node:module");
    const { readdirSync } = await import("node:fs");
    console.log(import.meta.resolve("fastify"), readdirSync(getCompileCacheDir()).length > 100);`;
  const node = ["node", "--import=./dependencies/bundled.ts", "--input-type=module", "--eval", has];
  expect(await stack.compose("exec", "-T", "order", ...node)).toMatch(
    /^file:\/\/\/squall\/node_modules\/\.cache\/shop-dependencies\/\S+ true$/m,
  );
});

test("each fault of a container is felt and taken back, and nothing is lost or doubled by it", async () => {
  const { faults, invariants } = await judged("test/containers/each-fault.yaml");
  expect(faults.map(({ title, bit, undoneBy }) => ({ title, bit, undoneBy }))).toEqual(
    faults.map(({ title }) => ({ title, bit: true, undoneBy: "plan" })),
  );
  expect(invariants.filter(({ outcome }) => outcome !== "held")).toEqual([]);
  const containers = await stack.containers();
  expect(containers.filter(({ service }) => parts.includes(service))).toEqual(
    parts.map((): unknown => expect.objectContaining({ state: "running", health: "healthy" })),
  );
}, 240_000);

test("an edge that is cut at the proxy is cut for its caller alone", async () => {
  await proxyApi("PATCH", "/proxies/gateway->recommendation", { enabled: false });
  expect((await ask("GET", "/api/products/p-0001")).body).toMatchObject({ degraded: true });
  await checkOut();
  await proxyApi("POST", "/reset");
  await waitFor({ what: "recommendations", withinMs: 10_000 }, async () => {
    const { body } = await ask("GET", "/api/products/p-0001");
    return body["degraded"] !== true;
  });
});

test("Prometheus finds every target, and takes the rules", async () => {
  await stack.compose("up", "--detach", "--no-deps", "prometheus");
  const query = async (path: string): Promise<unknown> =>
    ((await (await fetch(`${stack.prometheus}/api/v1/${path}`)).json()) as { data: unknown }).data;
  const upSchema = z.object({
    result: z.array(
      z.object({ metric: z.object({ job: z.string() }), value: z.tuple([z.number(), z.string()]) }),
    ),
  });
  const scraped = [...Object.keys(target.services), "squall-proxy"].toSorted();
  await waitFor({ what: "a scrape of every target", withinMs: 60_000, everyMs: 250 }, async () => {
    const { result } = upSchema.parse(await query("query?query=up"));
    const up = result.filter(({ value: [, up] }) => up === "1").map(({ metric }) => metric.job);
    return JSON.stringify(up.toSorted()) === JSON.stringify(scraped);
  });
  const rules = z
    .object({ groups: z.array(z.object({ rules: z.array(z.object({ health: z.string() })) })) })
    .parse(await query("rules"));
  expect(rules.groups.flatMap((group) => group.rules).length).toBeGreaterThan(0);
});

test("the game day of docs/game-day.md goes as it is written there", async () => {
  await typePage(readFileSync(join(root, "docs/game-day.md"), "utf8"), {
    env: { ...stack.env, DOCKER_COMPOSE: variable("DOCKER_COMPOSE") },
    words: {
      "http://127.0.0.1:8080": stack.entry,
      "docker/squall.lock.json": `docker/${stack.project}.lock.json`,
    },
  });
}, 400_000);

test("k6 shops, by the profile load", async () => {
  await stack.compose("--profile", "load", "run", "--rm", "--no-deps", "--env=K6_NO_THRESHOLDS=true", "k6");
});

test("the real Toxiproxy takes the proxy's place, with the same edges", async () => {
  await stack.compose("--profile", "toxiproxy", "up", "--wait", "--scale", "proxy=0");
  expect(Object.keys((await proxyApi("GET", "/proxies")) as object)).toContain("order->payment");
  expect(await (await fetch(`${stack.proxyApi}/version`)).json()).toEqual({ version: "git" }); // as `go install` builds it
  await checkOut();
  await proxyApi("POST", "/proxies/order->payment/toxics", { type: "latency", attributes: { latency: 400 } });
  const startedMs = performance.now();
  await checkOut();
  expect(performance.now() - startedMs).toBeGreaterThan(400);
  await proxyApi("POST", "/reset");
}, 120_000);

test("an experiment that holds through our proxy holds through Toxiproxy", async () => {
  const { run, verdict, faults, invariants } = await judged("chaos/recommendation-down.yaml");
  expect(run.proxy).toBe("Toxiproxy git");
  expect(verdict).toMatchObject({ outcome: "held", exitCode: 0 });
  expect(faults).toMatchObject([{ kind: "down", bit: true, undoneBy: "plan" }]);
  expect(invariants.filter(({ outcome }) => outcome !== "held")).toEqual([]);
}, 180_000);

test("stop ends every container in time, without a kill", async () => {
  await stack.compose("--profile", "*", "stop");
  expect(
    (await stack.containers()).filter(({ state, exitCode }) => state !== "exited" || exitCode !== 0),
  ).toEqual([]);
}, 60_000);

test("down --volumes leaves nothing", async () => {
  expect(await stack.leftovers()).not.toEqual([]);
  await stack.compose("--profile", "*", "down", "--volumes");
  expect(await stack.leftovers()).toEqual([]);
});
