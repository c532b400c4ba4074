import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { promDurationMs } from "../harness/target/promql.ts";
import type { Slo } from "../harness/target/target.ts";
import { burnRateOf, type BurnWindow } from "./burn-rate.ts";
import { ruleSets, shop } from "./generated.ts";
import { alertName, downRules, promDuration, sloRules, type AlertRule, type RuleSet } from "./slo-rules.ts";

/** The rule files before Prometheus' own promtool. */

const folder = mkdtempSync(join(tmpdir(), "squall-rules-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each(Object.keys(ruleSets))("%s is well formed", (file) => {
  expect(
    execFileSync("promtool", ["check", "rules", resolve(import.meta.dirname, file)], { encoding: "utf8" }),
  ).toContain("SUCCESS");
});

/** Of 10,000 answers a step, so that a share is a whole number of them. */
const answers = 10_000;

/** The series of a service of whose answers a share is bad, from the beginning on. */
function seriesOf(slo: Slo, badRatio: number, steps: number): readonly { series: string; values: string }[] {
  const bad = Math.round(answers * badRatio);
  const counter = (suffix: string, labels: string, growth: number) => ({
    series: `http_server_request_duration_seconds_${suffix}{job="${slo.service}",method="${slo.requests?.method}",route="${slo.requests?.route}",${labels}}`,
    values: `0+${growth}x${steps}`,
  });
  switch (slo.kind) {
    case "success":
      return [
        counter("count", `status="200"`, answers - bad),
        counter("count", `status="503"`, Math.floor(bad / 2)),
        counter("count", `status="aborted"`, Math.ceil(bad / 2)),
      ];
    case "latency":
      return [
        counter("count", `status="200"`, answers),
        counter("bucket", `status="200",le="${slo.atMostMs / 1_000}"`, answers - bad),
      ];
  }
}

/**
 * A unit test, as promtool has it, of an objective that burns its budget as fast as one window allows, times a factor. Which
 * alerts are to fire is reckoned by the burn rate alone; after so long every window has seen enough.
 */
function unitTest(slo: Slo, { windows, scale, intervalMs }: RuleSet, window: BurnWindow, factor: number) {
  const rate = burnRateOf(window, slo.windowMs, scale) * factor;
  const over = windows.filter((each) => rate > burnRateOf(each, slo.windowMs, scale));
  const severities = new Set<string>(over.map(({ severity }) => severity));
  const rules = sloRules([slo], { name: "test", windows, scale, intervalMs }).flatMap((group) => group.rules);
  const stepMs = Math.max(1_000, window.shortMs / 10);
  const atMs = window.longMs + 4 * stepMs;
  return {
    name: `${slo.id}, ${promDuration(window.longMs)}, ${factor} of the limit`,
    interval: promDuration(stepMs),
    input_series: seriesOf(slo, (1 - slo.atLeastRatio) * rate, Math.ceil(atMs / stepMs) + 1),
    alert_rule_test: [
      {
        eval_time: promDuration(atMs),
        alertname: alertName(slo),
        exp_alerts: rules
          .filter(
            (rule): rule is AlertRule => "alert" in rule && severities.has(rule.labels["severity"] ?? ""),
          )
          .map(({ labels, annotations }) => ({ exp_labels: labels, exp_annotations: annotations })),
      },
    ],
  };
}

test.each(Object.entries(ruleSets))(
  "%s: each alert fires on a breach of each of its windows, and is silent just below it",
  (_file, set) => {
    for (const slo of shop.slos) {
      // An objective's rules alone: promtool evaluates all that it is given, in every test.
      writeFileSync(join(folder, "rules.yaml"), stringify({ groups: sloRules([slo], set) }));
      const tests = set.windows.flatMap((window) =>
        [1.2, 0.8].map((factor) => unitTest(slo, set, window, factor)),
      );
      const fired = tests.map(({ alert_rule_test: [alert] }) => alert?.exp_alerts.length);
      expect([fired[0], fired.at(-1)]).toEqual([
        new Set(set.windows.map(({ severity }) => severity)).size,
        0,
      ]);
      for (const [index, each] of tests.entries()) {
        const document = { rule_files: ["rules.yaml"], evaluation_interval: each.interval, tests: [each] };
        writeFileSync(join(folder, `test-${index}.yaml`), stringify(document));
      }
      const files = tests.map((_, index) => join(folder, `test-${index}.yaml`));
      const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", ...files], {
        encoding: "utf8",
      });
      expect(status, stdout + stderr).toBe(0);
    }
  },
);

test.each(Object.entries(ruleSets))(
  "%s: a service of which no copy runs pages; one that restarts, or has another copy, does not",
  (_file, set) => {
    const group = downRules(shop.slos, set);
    const [rule] = group.rules;
    if (rule === undefined || !("alert" in rule)) throw new Error("expected an alert");
    writeFileSync(join(folder, "down.yaml"), stringify({ groups: [group] }));
    const stepMs = set.intervalMs;
    const steps = Math.ceil((promDurationMs(rule.for ?? "0s") ?? 0) / stepMs);
    // "1x4" is five samples of 1.
    const up = (samples: number): string => `1x${samples - 1}`;
    const down = (samples: number): string => `0x${samples - 1}`;
    const copy = (instance: number, ...values: readonly string[]) => ({
      series: `up{job="gateway",instance="${instance}"}`,
      values: values.join(" "),
    });
    const calls = (name: string, input_series: readonly object[], exp_alerts: readonly object[]) => ({
      name,
      interval: promDuration(stepMs),
      input_series,
      alert_rule_test: [
        { eval_time: promDuration((20 + steps) * stepMs), alertname: rule.alert, exp_alerts },
      ],
    });
    const tests = [
      calls(
        "no copy runs",
        [copy(1, up(15), down(steps + 20)), copy(2, up(10), down(steps + 20))],
        [
          {
            exp_labels: { ...rule.labels, job: "gateway" },
            exp_annotations: { ...rule.annotations, summary: "gateway is down" },
          },
        ],
      ),
      calls("it has been away for a step less than it may", [copy(1, up(21), down(steps + 40))], []),
      calls("a copy runs", [copy(1, up(steps + 40)), copy(2, up(10), down(steps + 20))], []),
    ];
    const document = { rule_files: ["down.yaml"], evaluation_interval: promDuration(stepMs), tests };
    writeFileSync(join(folder, "down-test.yaml"), stringify(document));
    const { status, stdout, stderr } = spawnSync(
      "promtool",
      ["test", "rules", join(folder, "down-test.yaml")],
      { encoding: "utf8" },
    );
    expect(status, stdout + stderr).toBe(0);
  },
);
