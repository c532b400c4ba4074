import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../harness/base/wait.ts";
import { readJournal } from "../../harness/record/journal.ts";
import { decodeSpans, readSpans } from "../../harness/record/otlp.ts";
import { runFolder, type RunFolder } from "../../harness/record/run-folder.ts";
import { summarySchema } from "../../harness/record/summary.ts";
import { secretsBelow } from "./secrets.ts";
import { root, squall, type SquallCommand } from "./squall-command.ts";

// The real shop, brought up once; the experiments are short, so they ask less than those of chaos/.
const folder = mkdtempSync(join(tmpdir(), "squall-shop-"));
const runs = join(folder, "runs");
const spansOfUp = join(folder, "up.otlp.jsonl");
let entry: string;

beforeAll(async () => {
  await squall(["recover"]).exit;
  const up = squall(["up", "--traces", spansOfUp, "--json"]);
  expect(await up.exit, up.err()).toBe(0);
  ({ entry } = JSON.parse(up.out()) as { entry: string });
});
afterAll(async () => {
  await squall(["down"]).exit;
  rmSync(folder, { recursive: true, force: true });
});

test("a payment's answer that is lost by hand is felt by one call, listed, and seen in its trace", async () => {
  const fault = ["--edge", "order->payment", "http_lost_response", "--match", "POST /payments", "--nth", "2"];
  const add = squall(["fault", "add", ...fault]);
  expect(await add.exit, add.err()).toBe(0);

  const credentials = { email: "user-001@shop.example", password: "password-001" };
  const { accessToken } = (await post("/api/login", credentials)) as { accessToken: string };
  for (const key of ["first", "second", "third"]) {
    const headers = { authorization: `Bearer ${accessToken}`, "idempotency-key": `by-hand-${key}` };
    await post("/api/checkout", { items: [{ productId: "p-0001", quantity: 1 }] }, headers);
  }

  const list = squall(["fault", "list"]);
  expect(await list.exit, list.err()).toBe(0);
  // The second order's payment is asked for twice: the answer to the first try was lost.
  expect(list.out()).toMatch(/4 calls matched, 1 drawn, 1 affected/);
  expect(await squall(["fault", "remove", "--all"]).exit).toBe(0);

  const payments = await waitFor({ what: "the spans of four calls of payment", withinMs: 20_000 }, () => {
    const taken = readSpans(spansOfUp).filter(
      ({ service, name }) => service === "payment" && name === "POST /payments",
    );
    return taken.length === 4 ? taken : undefined;
  });
  const byTrace = Map.groupBy(payments, ({ traceId }) => traceId);
  expect([...byTrace.values()].map(({ length }) => length).toSorted()).toEqual([1, 1, 2]);
  const [twice] = [...byTrace].filter(([, { length }]) => length === 2).map(([traceId]) => traceId);
  const asked = readSpans(spansOfUp).filter(
    ({ traceId, service, kind, attributes }) =>
      traceId === twice &&
      service === "order" &&
      kind === "client" &&
      attributes["url.template"] === "/payments",
  );
  expect(asked.map(({ isError }) => isError).toSorted()).toEqual([false, true]);
});

async function post(
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const response = await fetch(entry + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  expect(response.status, await response.clone().text()).toBe(201);
  return response.json();
}

const fleet = ["catalog", "gateway", "notification", "order", "payment", "recommendation", "user"];

const held = `
title: A page without recommendations is a page
load: { journey: shopper, rate: 40/s }
phases: { warmup: 3s, baseline: 6s, fault: 8s, recovery: 5s }
faults: [{ down: { edge: gateway -> recommendation } }]
hypothesis:
  - success: { journey: shopper, at-least: 95% }
  - recovers: { within: 4s }
  - consistent: { settled-within: 20s }
`;

const unused = `
title: Nobody who only browses pays
load: { journey: browse, rate: 20/s }
phases: { warmup: 0s, baseline: 3s, fault: 5s, recovery: 0s }
faults: [{ down: { edge: order -> payment } }]
hypothesis: [{ success: { journey: browse, at-least: 90% } }]
`;

const slow = `
title: Interrupted while payment is slow
load: { journey: shopper, rate: 20/s }
phases: { warmup: 0s, baseline: 3s, fault: 60s, recovery: 0s }
faults: [{ latency: { edge: order -> payment, delay: 500ms } }, { timeout: { edge: notification -> smtp } }]
hypothesis: [{ success: { journey: browse, at-least: 90% } }]
`;

function start(name: string, text: string): SquallCommand {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, `target: ${relative(folder, join(root, "target-system/target.yaml"))}\n${text}`);
  return squall(["run", file, "--runs", runs]);
}

function runNamed(name: string): RunFolder | undefined {
  const found = existsSync(runs) ? readdirSync(runs).find((run) => run.endsWith(`-${name}`)) : undefined;
  return found === undefined ? undefined : runFolder(join(runs, found));
}

test("the shop holds without recommendations; a second run at once is refused and disturbs nothing", async () => {
  const run = start("held", held);
  const journal = (): readonly { readonly event: string }[] =>
    readJournal(runNamed("held")?.journal ?? "").lines;
  await waitFor({ what: "the baseline", withinMs: 30_000 }, () =>
    journal().some((line) => "phase" in line && line.phase === "baseline"),
  );
  const second = start("second", held);
  expect(await second.exit).toBe(3);
  expect(second.err()).toContain("SQUALL_LOCKED");

  expect(await run.exit, run.err() + run.out()).toBe(0);
  const made = runNamed("held") as RunFolder;
  const summary = summarySchema.parse(JSON.parse(readFileSync(made.summary, "utf8")));
  expect(summary.verdict.outcome).toBe("held");
  expect(summary.faults[0]).toMatchObject({ edge: "gateway -> recommendation", bit: true, undoneBy: "plan" });
  expect(summary.invariants.map(({ outcome }) => outcome)).toEqual(summary.invariants.map(() => "held"));
  expect(summary.invariants.find(({ id }) => id === "confirmed-order-is-paid-once")?.checked).toBeGreaterThan(
    10,
  );
  const silent = summary.edges.filter(({ baseline, fault }) => baseline.calls + fault.calls === 0);
  // The second payment gateway is asked only when the first fails or is slow.
  expect(["payment -> gateway-b"]).toEqual(expect.arrayContaining(silent.map(({ edge }) => edge)));
  expect(summary.telemetry).toMatchObject({ untracedOperations: 0 });
  for (const report of [made.html, made.markdown, made.junit])
    expect(statSync(report).size).toBeGreaterThan(500);
  const lines = readFileSync(made.traces, "utf8").trimEnd().split("\n");
  const services = new Set(
    lines.flatMap((line) => decodeSpans(JSON.parse(line)).map(({ service }) => service)),
  );
  expect([...services].sort()).toEqual(fleet);
  // Shoppers logged in and added cards, so their passwords, tokens and cards went through the fleet.
  expect(summary.journeys.map(({ journey }) => journey)).toEqual(
    expect.arrayContaining(["log-in", "add-card"]),
  );
  expect(secretsBelow(made.path)).toEqual([]);
});

test("a secret in what a run leaves behind is found", () => {
  const left = join(folder, "left");
  mkdirSync(join(left, "logs"), { recursive: true });
  writeFileSync(join(left, "logs/user.jsonl"), '{"msg":"wrong password-017"}');
  writeFileSync(join(left, "journal.jsonl"), "4242 4242 4242 4242 and postgresql://me:secret@127.0.0.1/db");
  writeFileSync(join(left, "report.md"), "order 4242424242 is well");
  writeFileSync(join(left, "history.jsonl"), JSON.stringify({ number: "5555555555554444", cvc: "358" }));
  expect(secretsBelow(left).toSorted()).toEqual([
    "history.jsonl: a card number",
    "history.jsonl: a card's code",
    "journal.jsonl: a card number",
    "journal.jsonl: a database's password",
    "logs/user.jsonl: a password",
  ]);
});

test("a fault on an edge that the load does not use is refused before anything is injected", async () => {
  const run = start("unused", unused);
  expect(await run.exit, run.err()).toBe(3);
  expect(run.err()).toContain("traffic crosses order -> payment: no byte crossed it");
  const events = readJournal((runNamed("unused") as RunFolder).journal).lines.map(({ event }) => event);
  expect(events).not.toContain("undo-planned");
  expect(events).not.toContain("fault-injected");
});

test("SIGINT in the fault phase undoes every fault within a second, reports, and exits with 130", async () => {
  const run = start("slow", slow);
  await waitFor({ what: "both faults in place", withinMs: 30_000 }, () => {
    const lines = readJournal(runNamed("slow")?.journal ?? "").lines;
    return lines.filter(({ event }) => event === "fault-injected").length === 2;
  });
  const atMs = performance.timeOrigin + performance.now();
  run.child.kill("SIGINT");
  expect(await run.exit, run.err()).toBe(130);
  const made = runNamed("slow") as RunFolder;
  const undone = readJournal(made.journal).lines.filter(({ event }) => event === "fault-undone");
  expect(undone).toHaveLength(2);
  for (const line of undone) expect(line.atMs - atMs).toBeLessThan(1_000);
  expect(readFileSync(made.markdown, "utf8")).toContain("interrupted by SIGINT");
  expect(readFileSync(made.html, "utf8")).toContain("interrupted by SIGINT");
});
