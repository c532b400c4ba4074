import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readJsonl } from "../../harness/base/jsonl.ts";
import { waitFor } from "../../harness/base/wait.ts";
import { startDriver } from "../../harness/load/driver.ts";
import { historyLineSchema, type OperationLine } from "../../harness/record/history.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { mixOf } from "../../harness/target/target.ts";
import { root, squall } from "./squall-command.ts";

/** The real shop under the load of shoppers, while its services are scaled, killed and restarted. */

const ratePerSecond = 15;
const target = loadTarget(join(root, "target-system/target.yaml"));
const folder = mkdtempSync(join(tmpdir(), "squall-scale-"));
const historyFile = join(folder, "history.jsonl");
let entry: string;

beforeAll(async () => {
  await squall(["recover"]).exit;
  ({ entry } = JSON.parse(await run("up", "--json")) as { entry: string });
});
afterAll(async () => {
  await squall(["down"]).exit;
  rmSync(folder, { recursive: true, force: true });
});

/** What a command wrote, once it has succeeded. */
async function run(...args: readonly string[]): Promise<string> {
  const command = squall(args);
  expect(await command.exit, command.err()).toBe(0);
  return command.out();
}

interface ListedReplica {
  readonly name: string;
  readonly pid: number;
  readonly addresses: { readonly http: string };
  readonly state: string;
}

async function replicasOf(service: string): Promise<readonly ListedReplica[]> {
  const listed = JSON.parse(await run("scale", "--json")) as { service: string; replicas: ListedReplica[] }[];
  return listed.find((one) => one.service === service)?.replicas ?? [];
}

/** Requests for products that a replica has answered. */
async function answeredBy({ addresses }: ListedReplica): Promise<number> {
  const text = await (await fetch(`http://${addresses.http}/metrics`)).text();
  const counts = [...text.matchAll(/^http_server_request_duration_seconds_count\{(.*)\} (\d+)$/gm)];
  return counts
    .filter(([, labels]) => labels?.includes('route="/products') === true)
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}

/** How many each of these answers while 60 or more are answered in all. */
async function shares(replicas: readonly ListedReplica[]): Promise<readonly number[]> {
  const before = await Promise.all(replicas.map(answeredBy));
  return waitFor({ what: "60 answers", withinMs: 60_000, everyMs: 500 }, async () => {
    const now = await Promise.all(replicas.map(answeredBy));
    const answered = now.map((count, index) => count - (before[index] ?? 0));
    return answered.reduce((sum, count) => sum + count, 0) >= 60 ? answered : undefined;
  });
}

test("catalog has one replica, three and one again, loses one, and is restarted like the others: shoppers notice nothing", async () => {
  await using driver = await startDriver(
    {
      journeysModule: target.journeys.module,
      mix: mixOf(target, "shopper") ?? {},
      arrivals: { kind: "poisson", ratePerSecond, durationMs: 600_000 },
      seed: "scale",
      baseUrl: entry,
      historyFile,
      histogramsFile: join(folder, "histograms.jsonl"),
      maxConnections: 64,
      timeoutMs: 10_000,
    },
    () => undefined,
  );
  const startedMs = Date.now();
  driver.begin(startedMs);
  await delay(3_000);

  expect(await run("scale", "catalog", "3")).toContain("catalog: 1 → 3 replicas");
  const three = await replicasOf("catalog");
  expect(three.map(({ name, state }) => [name, state])).toEqual([
    ["catalog", "up"],
    ["catalog-2", "up"],
    ["catalog-3", "up"],
  ]);
  for (const share of await shares(three)) expect(share).toBeGreaterThanOrEqual(6); // of 60: a third is 20

  const killedMs = Date.now();
  process.kill(three[1]?.pid as number, "SIGKILL");
  await delay(3_000);
  const survivors = three.filter((_, index) => index !== 1);
  for (const share of await shares(survivors)) expect(share).toBeGreaterThanOrEqual(6);
  expect((await replicasOf("catalog")).map(({ state }) => state)).toEqual(["up", "dead", "up"]);

  expect(await run("restart", "catalog")).toContain("catalog: 2 → 2 replicas");
  expect(await run("scale", "catalog", "1")).toContain("catalog: 2 → 1 replica");
  expect(await run("restart", "catalog")).toContain("catalog: 1 → 1 replica");
  const [only] = await replicasOf("catalog");
  expect(await shares(only ? [only] : [])).toEqual([expect.any(Number)]);
  for (const service of ["recommendation", "order", "gateway"])
    expect(await run("restart", service)).toContain(`${service}: 1 → 1 replica`);
  await delay(2_000);
  await driver.stop();

  const { lines } = readJsonl(historyFile, (value) => historyLineSchema.parse(value));
  const operations = lines.filter((line): line is OperationLine => line.kind === "operation");
  const failed = operations.filter(({ completion }) => completion !== "ok");
  expect(operations.length).toBeGreaterThan(ratePerSecond * 20);
  // A reservation that was under way at the one that was killed may fail; nothing else may.
  const excused = failed.filter(
    ({ step, endedMs }) => step === "place-order" && endedMs >= killedMs && endedMs < killedMs + 5_000,
  );
  const unexcused = failed.filter((operation) => !excused.includes(operation));
  expect(unexcused.map(({ step, error, endedMs }) => [step, error, endedMs - startedMs])).toEqual([]);
  expect(excused.length).toBeLessThanOrEqual(3);
});
