import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import type { Board } from "./board.ts";
import { boards } from "./boards.ts";
import { ruleFiles, ruleSets, rulesOf } from "./generated.ts";
import { namesIn } from "../harness/target/promql.ts";

/** The boards as committed: what the dashboard linter asks of one, and that they name nothing but what is there. */

const datasource = z.object({ type: z.literal("prometheus"), uid: z.literal("${datasource}") });
/** Ids of Grafana's own list; another is shown as if it were a name. */
const units = ["bytes", "percentunit", "reqps", "s", "short"] as const;
const boardSchema = z.object({
  uid: z.string().regex(/^squall-[a-z]+$/),
  title: z.string().min(1),
  description: z.string().min(1),
  tags: z.tuple([z.literal("squall")]),
  schemaVersion: z.literal(36),
  editable: z.literal(false),
  templating: z.object({
    list: z.tuple(
      [
        z.object({
          name: z.literal("datasource"),
          label: z.literal("Data source"),
          type: z.literal("datasource"),
          query: z.literal("prometheus"),
        }),
      ],
      // 2 is whenever the time range changes.
      z.object({ name: z.string(), type: z.literal("query"), datasource, refresh: z.literal(2) }),
    ),
  }),
  annotations: z.object({
    list: z.tuple([z.object({ datasource, enable: z.literal(true), expr: z.string() })]),
  }),
  links: z.tuple([z.object({ type: z.literal("dashboards"), tags: z.tuple([z.literal("squall")]) })]),
  panels: z.array(
    z.object({
      id: z.int().positive(),
      type: z.enum(["timeseries", "stat"]),
      title: z.string().endsWith("?"),
      description: z.string().min(20),
      datasource,
      fieldConfig: z.object({ defaults: z.object({ unit: z.enum(units) }) }),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z
        .array(z.object({ refId: z.string(), datasource, expr: z.string(), legendFormat: z.string().min(1) }))
        .min(1),
    }),
  ),
});

const folder = join(import.meta.dirname, "grafana");
const committed = readdirSync(folder)
  .filter((file) => file.startsWith("squall-"))
  .map((file) => boardSchema.parse(JSON.parse(readFileSync(join(folder, file), "utf8"))));

test("each board is committed as it is said here; else: npm run dashboards", () => {
  const said = ({ uid, title, description, panels }: Board) => ({
    uid,
    title,
    description,
    panels: panels.map((panel) => [
      panel.title,
      panel.description,
      panel.unit,
      panel.queries.map(({ expr }) => expr),
    ]),
  });
  const found = committed.map(({ uid, title, description, panels }) => ({
    uid,
    title,
    description,
    panels: panels.map((panel) => [
      panel.title,
      panel.description,
      panel.fieldConfig.defaults.unit,
      panel.targets.map(({ expr }) => expr),
    ]),
  }));
  const byUid = (one: { uid: string }, other: { uid: string }): number => one.uid.localeCompare(other.uid);
  expect(found.toSorted(byUid)).toEqual(boards.map(said).toSorted(byUid));
});

test("boards, panels and queries have ids of their own, and no panel lies on another", () => {
  expect(new Set(committed.map(({ uid }) => uid)).size).toBe(committed.length);
  for (const { uid, panels } of committed) {
    expect(new Set(panels.map(({ id }) => id)).size, uid).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w } }) =>
      Array.from({ length: w }, (_, column) => `${y} ${x + column}`),
    );
    expect(new Set(cells).size, uid).toBe(cells.length);
    for (const { targets } of panels)
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  }
});

test("a rate is over Grafana's own interval, and a counter is never shown as it is", () => {
  for (const { uid, panels } of committed)
    for (const { targets, title } of panels)
      for (const target of targets) {
        const expr = target.expr.replaceAll(/"[^"]*"/g, '""');
        for (const [, range] of expr.matchAll(/\[([^\]]*)\]/g))
          expect(range, `${uid}: ${title}`).toBe("$__rate_interval");
        const counters = expr.match(/\w+_(?:total|bucket|count)\b/g)?.length ?? 0;
        expect(expr.match(/rate\(\w+_(?:total|bucket|count)\b/g)?.length ?? 0, `${uid}: ${title}`).toBe(
          counters,
        );
      }
});

test("a variable that a query uses is one of its board, and each of those is used", () => {
  for (const { uid, panels, templating } of committed) {
    const known = new Set([...templating.list.map(({ name }) => name), "__rate_interval"]);
    const used = JSON.stringify(panels).matchAll(/\$\{?(\w+)\}?/g);
    for (const [, name = ""] of used) expect(known, uid).toContain(name);
    const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n");
    for (const { name, type } of templating.list)
      if (type === "query") expect(exprs, uid).toMatch(new RegExp(`\\$\\{?${name}\\b`));
  }
});

/** Each `name`, its type and labels, as the pages list what services export, and the harness. */
function documented(): readonly (readonly [name: string, type: string, labels: string])[] {
  const page = (name: string): string => readFileSync(join(import.meta.dirname, "../docs", name), "utf8");
  const services = page("metrics.md").matchAll(/^\| `(\w+)` *\| (\w+) *\| (.*?) *\|/gm);
  const harness = page("run-metrics.md").matchAll(/^\| `(\w+)(?:\{(.*?)\})?` *\| (\w+) *\|/gm);
  return [
    ...[...services].map(([, name = "", type = "", labels = ""]) => [name, type, labels] as const),
    ...[...harness].map(([, name = "", labels = "", type = ""]) => [name, type, labels] as const),
  ];
}

/** By name as queries have it: the labels of each series, with those that Prometheus adds. */
function exported(): ReadonlyMap<string, ReadonlySet<string>> {
  const metrics = new Map<string, ReadonlySet<string>>();
  for (const [name, type, labels] of documented()) {
    const own = [...labels.matchAll(/\w+/g)].map(([label]) => label);
    const all = new Set([...own, "job", "instance"]);
    if (type === "histogram") {
      for (const part of ["sum", "count"]) metrics.set(`${name}_${part}`, all);
      metrics.set(`${name}_bucket`, new Set([...all, "le"]));
    } else metrics.set(name, all);
  }
  for (const set of Object.values(ruleSets))
    for (const { rules } of rulesOf(set))
      for (const rule of rules)
        if ("record" in rule) metrics.set(rule.record, new Set(Object.keys(rule.labels)));
  // Prometheus' own.
  metrics.set("up", new Set(["job", "instance"]));
  metrics.set("ALERTS", new Set(["alertname", "alertstate", "severity", "slo", "service", "job"]));
  return metrics;
}

test("queries of boards and rules name only metrics and labels that are exported, or recorded by a rule", () => {
  const known = exported();
  expect(known.size).toBeGreaterThan(80);
  const queries = [
    ...committed.flatMap(({ panels, annotations }) => [
      ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...annotations.list.map(({ expr }) => expr),
    ]),
    ...boards.flatMap(({ variables }) => variables.map(({ of }) => of)),
    ...Object.values(ruleSets).flatMap((set) =>
      rulesOf(set).flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ),
  ];
  expect(queries.length).toBeGreaterThan(100);
  for (const query of queries) {
    const { metrics, matched, grouped } = namesIn(query);
    for (const metric of metrics) {
      expect([...known.keys()], query).toContain(metric);
      for (const label of matched.get(metric) ?? [])
        expect([...(known.get(metric) ?? [])], query).toContain(label);
    }
    const labels = new Set([...metrics].flatMap((metric) => [...(known.get(metric) ?? [])]));
    for (const label of grouped) expect([...labels], query).toContain(label);
  }
  expect(Object.keys(ruleFiles())).toEqual(Object.keys(ruleSets));
});
