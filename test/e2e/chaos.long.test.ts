import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { pagesOf } from "../../dashboards/recorded-alerts.fixture.ts";
import { runFolder, type RunFolder } from "../../harness/record/run-folder.ts";
import { summarySchema, type Summary } from "../../harness/record/summary.ts";
import { root, squall } from "./squall-command.ts";

const runs = mkdtempSync(join(tmpdir(), "squall-lessons-"));
afterAll(() => rmSync(runs, { recursive: true, force: true }));
beforeEach(async () => {
  await squall(["recover", "--runs", runs]).exit;
});

/** A minute and more each: these here by default; all of them with SQUALL_LESSONS=all (`npm run test:lessons`). */
const usual = ["payment-gateway-slow.yaml", "payment-answer-lost.yaml"];
const isAll = process.env["SQUALL_LESSONS"] === "all";
const lessons = isAll ? readdirSync(join(root, "chaos")).filter((name) => name.endsWith(".yaml")) : usual;

test.each(lessons)("%s is held by the shop as it is", async (name) => {
  const { exitCode, summary, text } = await run(name);
  expect(exitCode, text).toBe(0);
  expect(summary.verdict.outcome).toBe("held");
  expect(summary.faults.map(({ bit }) => bit)).toEqual(summary.faults.map(() => true));
});

test.each(isAll ? ["payment-gateway-slow.yaml", "order-database-cut.yaml"] : ["payment-gateway-slow.yaml"])(
  "%s finds a weakness when the fleet's patterns are off, and says where",
  async (name) => {
    const { exitCode, summary, text, folder } = await run(name, "--set", "patterns=none");
    expect(exitCode, text).toBe(1);
    const deviated = summary.objectives.filter(({ outcome }) => outcome === "deviated");
    const [objective] = deviated;
    const [fault] = summary.faults;
    expect(objective?.title).toContain("checkout");
    // The report names the journey, the edge and the numbers, and shows a trace in which the edge is crossed.
    expect(text).toContain(objective?.title);
    expect(text).toContain(fault?.edge);
    const shown = summary.traces.filter(({ traceId }) => objective?.traceIds.includes(traceId));
    expect(shown.some(({ spans }) => spans.some(({ edge }) => edge === fault?.edge))).toBe(true);

    if (name !== "payment-gateway-slow.yaml") return;
    // Checkouts become slow, and all are answered: one is called for just that, and for nothing before.
    for (const [file, { before, since }] of Object.entries(await pagesOf(folder))) {
      expect(before.filter(isOfFault), file).toEqual([]);
      expect(since.filter(isOfFault), file).toEqual(["CheckoutLatencyBurnRate"]);
    }
  },
);

/** How long a product's page takes is the machine's. */
const isOfFault = (alert: string): boolean => alert !== "ProductLatencyBurnRate";

async function run(
  name: string,
  ...options: readonly string[]
): Promise<{
  readonly exitCode: number;
  readonly summary: Summary;
  readonly text: string;
  readonly folder: RunFolder;
}> {
  const known = new Set(readdirSync(runs));
  const command = squall(["run", join("chaos", name), "--runs", runs, ...options]);
  const exitCode = await command.exit;
  const text = command.out() + command.err();
  const made = readdirSync(runs).find((folder) => !known.has(folder));
  if (made === undefined) throw new Error(text);
  const folder = runFolder(join(runs, made));
  const summary = summarySchema.parse(JSON.parse(readFileSync(folder.summary, "utf8")));
  return { exitCode, summary, text, folder };
}
