import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import type { PlannedDeed } from "../engine/planned-deed.ts";
import { processRuntime } from "../runtimes/process/process-runtime.ts";
import { fakeHost } from "./fake-host.ts";
import { main } from "./main.ts";

const corpus = join(import.meta.dirname, "../../test/corpus");
/** Monday, 23 November 2026, 10:00 in Berlin; nothing may wait on it. */
const clock: Clock = {
  nowMs: () => Date.parse("2026-11-23T09:00:00Z"),
  sleep: () => Promise.reject(new Error("a dry run waited on the clock of the host")),
};
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-dry-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The deeds of an experiment on the kiosk with these faults, of a fleet of processes. */
async function deedsOf(...faults: readonly string[]): Promise<readonly PlannedDeed[]> {
  const experiment = readFileSync(join(corpus, "experiment.yaml"), "utf8")
    .replace("target.yaml", join(corpus, "target.yaml"))
    .replace(
      /faults:.*?hypothesis:/s,
      `faults:\n${faults.map((fault) => `  - ${fault}\n`).join("")}hypothesis:`,
    );
  const file = join(folder, "kiosk.yaml");
  writeFileSync(file, experiment);
  const host = fakeHost(["run", file, "--dry-run", "--json", "--runs", join(folder, "runs")], {
    runtime: processRuntime(),
    clock,
  });
  expect({ exitCode: await main(host), err: host.err() }).toEqual({ exitCode: 0, err: "" });
  return (JSON.parse(host.out()) as { deeds: PlannedDeed[] }).deeds;
}

const calls = (deeds: readonly PlannedDeed[]) =>
  deeds.flatMap((deed) => (deed.kind === "proxy" && deed.method !== "GET" ? [deed] : []));

const f1 = "2026-11-23T09-00-00-kiosk-f1";

test("every call that changes the proxy is told with its time and body, and each undo before its fault", async () => {
  const deeds = await deedsOf("latency: { edge: stock -> smtp, delay: 200ms, at: 1s, for: 2s }");

  expect(calls(deeds)).toEqual([
    { kind: "proxy", atMs: 7_000, method: "PUT", path: `/leases/${f1}`, body: { ttl_ms: 5_000 } },
    {
      kind: "proxy",
      atMs: 7_000,
      method: "POST",
      path: "/proxies/stock-%3Esmtp/toxics",
      body: {
        name: "f1",
        type: "latency",
        stream: "downstream",
        toxicity: 1,
        attributes: { latency: 200, jitter: 0 },
        lease: f1,
      },
    },
    // The heart beats once a second, beginning with the run.
    { kind: "proxy", atMs: 7_700, method: "PUT", path: `/leases/${f1}`, body: { ttl_ms: 5_000 } },
    { kind: "proxy", atMs: 8_700, method: "PUT", path: `/leases/${f1}`, body: { ttl_ms: 5_000 } },
    { kind: "proxy", atMs: 9_000, method: "DELETE", path: `/leases/${f1}` },
  ]);
  const indexOf = (wanted: Partial<PlannedDeed>): number =>
    deeds.findIndex((deed) =>
      Object.entries(wanted).every(([key, value]) => Reflect.get(deed, key) === value),
    );
  expect(indexOf({ kind: "journal" })).toBeGreaterThan(0);
  expect(indexOf({ kind: "journal" })).toBeLessThan(indexOf({ kind: "proxy", method: "POST" }));
});

test("phases, checks and what is read are told in their order", async () => {
  const deeds = await deedsOf("down: { edge: front -> stock }");
  expect(deeds.flatMap((deed) => (deed.kind === "phase" ? [[deed.atMs, deed.text]] : []))).toEqual([
    [0, "warm-up"],
    [1_000, "baseline"],
    [6_000, "fault"],
    [11_000, "recovery"],
  ]);
  const texts = deeds.flatMap((deed) => ("text" in deed ? [deed.text] : []));
  expect(texts).toContain("go on only if: traffic crosses front -> stock");
  expect(texts).toContain("stores/sales.jsonl: SQL on stock-db: select id, status from sales");
  expect(texts.findIndex((text) => text.startsWith("otherwise start the fleet of kiosk"))).toBeLessThan(
    texts.findIndex((text) => text.startsWith("start the driver")),
  );
  expect(texts.at(-1)).toBe("unlock the fleet of kiosk");
});

test("changes of processes are told as the runtime would make them and take them back", async () => {
  const deeds = await deedsOf("kill: { process: stock, at: 1s, for: 2s }");
  const changes = deeds.filter((deed) => deed.kind === "fleet" && deed.text.includes("kill of stock"));
  expect(changes).toEqual([
    // Before anything is broken: whether it could be taken back.
    { kind: "fleet", text: "kill of stock: ask what taking it back will need" },
    { kind: "fleet", atMs: 7_000, text: "kill of stock: ask what taking it back will need" },
    { kind: "fleet", atMs: 7_000, text: "kill of stock (SIGKILL): make" },
    { kind: "fleet", atMs: 9_000, text: "kill of stock: take back" },
  ]);
  const watching = deeds.flatMap((deed) =>
    "text" in deed && deed.text.includes("the watchdog") ? [deed.text] : [],
  );
  expect(watching).toEqual([expect.stringMatching(/^start the watchdog/), "end the watchdog"]);
});

describe("a program that may open no socket, write no file and start no process", () => {
  const guarded = (...args: readonly string[]) =>
    promisify(execFile)(
      process.execPath,
      [
        "--permission",
        "--allow-fs-read=*",
        "--import",
        join(import.meta.dirname, "fixtures/no-sockets.ts"),
        join(import.meta.dirname, "squall.ts"),
        "run",
        join(corpus, "experiment.yaml"),
        "--runs",
        join(folder, "none"),
        ...args,
      ],
      { timeout: 60_000 },
    );

  test("can make a dry run, and no run", async () => {
    const [dry, wet] = await Promise.allSettled([guarded("--dry-run"), guarded()]);
    expect(dry).toMatchObject({
      status: "fulfilled",
      value: { stderr: "", stdout: expect.stringContaining("nothing was done: this is a dry run") as string },
    });
    expect(wet).toMatchObject({ status: "rejected", reason: { code: 3 } });
    expect(readdirSync(folder)).not.toContain("none");
  });
});
