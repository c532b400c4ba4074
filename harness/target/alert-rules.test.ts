import { expect, test } from "vitest";
import { parseAlertRules } from "./alert-rules.ts";

const read = (text: string) => parseAlertRules(text, "x.rules.yaml");

test("an alert rests on what its recordings rest on, those of other labels left out", () => {
  const { alerts, groups, everyMs } = read(`
groups:
  - name: a
    interval: 15s
    rules:
      - { record: "bad:rate5m", expr: 'rate(bad_total{job="order"}[5m])', labels: { slo: order } }
      - { record: "bad:rate5m", expr: 'rate(bad_total{job="user"}[5m])', labels: { slo: user } }
      - { record: "worst", expr: 'max_over_time(bad:rate5m{slo="order"}[1h])' }
      - { record: "worst", expr: 'worst or bad:rate5m{slo="order"}' }
  - name: c
    rules:
      - { record: "other", expr: "bad:rate5m" }
  - name: b
    rules:
      - alert: Bad
        expr: worst > 0.5 and up{job!="x"} == 1
        for: 1m
        annotations: { summary: "{{ $value }}" }
`);
  expect(groups.map(({ name }) => name)).toEqual(["a", "c", "b"]);
  expect(everyMs).toBe(15_000);
  expect(alerts).toMatchObject([
    {
      name: "Bad",
      conditions: [{ expr: "worst", comparison: ">", threshold: 0.5 }],
      selectors: [
        { metric: "bad_total", equal: new Map([["job", "order"]]) },
        { metric: "up", equal: new Map() },
      ],
      groups: ["b", "a"],
      longestWindowMs: 3_600_000,
    },
  ]);
});

test("groups that say no interval are evaluated each minute, as Prometheus does", () => {
  expect(read("groups: [{ name: a, rules: [{ alert: A, expr: up == 0 }] }]").everyMs).toBe(60_000);
});

test("what is no file of rules is refused, with what was expected", () => {
  expect(() => read("alerts: [A]")).toThrow("x.rules.yaml is not a valid rule file (1 problem)");
  expect(() => read("groups: [{ name: a, rules: [{ alert: A }] }]")).toThrow("expected a query");
});
