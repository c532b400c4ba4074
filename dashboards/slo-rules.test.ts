import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { burnRateOf, experimentScale, experimentWindows, productionWindows } from "./burn-rate.ts";
import { ruleFiles, ruleSets, shop } from "./generated.ts";
import { alertName, downRules, promDuration, sloRules } from "./slo-rules.ts";

const day = 86_400_000;

test("burn rates are those of the workbook for an objective over 30 days, and the same in an experiment", () => {
  expect(productionWindows.map((window) => burnRateOf(window, 30 * day))).toEqual([14.4, 6, 1]);
  expect(experimentWindows.map((window) => burnRateOf(window, 30 * day, experimentScale))).toEqual([14.4, 6]);
});

test("an experiment's windows are the pages' at 1/120, and none is too short for a rate", () => {
  expect(experimentWindows.map(({ longMs, shortMs }) => [longMs, shortMs])).toEqual([
    [30_000, 5_000],
    [180_000, 15_000],
  ]);
});

test("durations are written in the largest unit that is whole", () => {
  expect([300_000, 90_000, 259_200_000, 1_500].map(promDuration)).toEqual(["5m", "90s", "3d", "1500ms"]);
});

test("each objective has an alert of its own, which counts its service, method and route alone", () => {
  const groups = sloRules(shop.slos, {
    name: "slo",
    intervalMs: 1_000,
    windows: productionWindows,
    scale: 1,
  });
  expect(new Set(shop.slos.map(alertName)).size).toBe(shop.slos.length);
  for (const [index, slo] of shop.slos.entries()) {
    const rules = groups[index]?.rules ?? [];
    expect(
      rules.flatMap((rule) => ("alert" in rule ? [`${rule.alert} ${rule.labels["severity"]}`] : [])),
    ).toEqual([`${alertName(slo)} page`, `${alertName(slo)} ticket`]);
    const counted = rules.flatMap(
      ({ expr }) => expr.match(/http_server_request_duration_seconds_\w+\{[^}]*\}/g) ?? [],
    );
    expect(counted.length).toBeGreaterThan(0);
    for (const selector of counted)
      expect(selector).toContain(
        `{job="${slo.service}",method="${slo.requests?.method}",route="${slo.requests?.route}"`,
      );
  }
});

test("a service is down after a minute, in an experiment after 5 s, and only one that has objectives", () => {
  const rules = Object.values(ruleSets).flatMap((set) => downRules(shop.slos, set).rules);
  const expr = 'max by (job) (up{job=~"gateway|payment"}) == 0';
  expect(rules).toMatchObject(
    ["1m", "5s"].map((duration) => ({ alert: "ServiceDown", expr, for: duration })),
  );
});

test("what is generated is what is committed; else: npm run dashboards", () => {
  for (const [file, text] of Object.entries(ruleFiles()))
    expect(readFileSync(join(import.meta.dirname, file), "utf8"), file).toBe(text);
});

test("target.yaml names the rules for experiments, and says how much shorter their windows are", () => {
  const [, file] = Object.keys(ruleSets);
  expect(shop.alerts).toEqual({ rules: join(import.meta.dirname, file ?? ""), scale: experimentScale });
});
