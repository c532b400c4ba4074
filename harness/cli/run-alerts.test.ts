import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fakeHost } from "./fake-host.ts";
import { main } from "./main.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-run-alerts-"));
afterAll(() => rmSync(folder, { recursive: true }));

const target = join(import.meta.dirname, "../../target-system/target.yaml");
const experiment = join(folder, "experiment.yaml");
const expecting = (alerts: string): void =>
  writeFileSync(
    experiment,
    `
title: The shop calls for help
target: ${target}
load: { journey: shopper, rate: 40/s }
faults: [{ down: { edge: order -> payment } }]
hypothesis: [{ alerts: ${alerts} }]
`,
  );

test("an experiment that names alerts is refused where there is no promtool, before anything is started", async () => {
  expecting("{ CheckoutSuccessBurnRate: fires-within 20s, BrowseSuccessBurnRate: stays-silent }");
  const runs = join(folder, "runs");
  const env = { SQUALL_PROMTOOL: join(folder, "no-promtool") };
  const host = fakeHost(["run", experiment, "--runs", runs], { env });
  expect(await main(host)).toBe(3);
  expect(host.err()).toContain("SQUALL_PREFLIGHT");
  expect(host.err()).toContain(`"${env.SQUALL_PROMTOOL}" cannot be run`);
  expect(host.err()).toContain("package prometheus");
  expect(readdirSync(folder)).toEqual(["experiment.yaml"]);
});

test("what is expected of alerts is said by a dry run, which needs no promtool", async () => {
  expecting("{ CheckoutSuccessBurnRate: fires-within 20s, BrowseSuccessBurnRate: stays-silent }");
  const host = fakeHost(["run", experiment, "--dry-run"], { env: { SQUALL_PROMTOOL: "no-promtool" } });
  expect(await main(host)).toBe(0);
  expect(host.out()).toContain(
    "expects   CheckoutSuccessBurnRate fires within 20 s of the fault; BrowseSuccessBurnRate stays silent",
  );
});

test("an alert that the shop's rules do not have is refused, naming the nearest", async () => {
  expecting("{ CheckoutSucessBurnRate: stays-silent }");
  const host = fakeHost(["validate", experiment]);
  expect(await main(host)).toBe(3);
  expect(host.out()).toContain(
    'unknown alert "CheckoutSucessBurnRate", did you mean "CheckoutSuccessBurnRate"?',
  );
});
