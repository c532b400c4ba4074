import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { grafanaSchema, grafanaVersions, type GrafanaSchema } from "./grafana-schema.fixture.ts";

/** The boards before the schema of each version of Grafana that they are for. */

const folder = join(import.meta.dirname, "grafana");
const boards = Object.fromEntries(
  readdirSync(folder)
    .filter((file) => file.startsWith("squall-"))
    .map((file) => [file, readFileSync(join(folder, file), "utf8")]),
);

/** By what a complaint of it has to name: what is written in the board, and what is written there instead. */
const mistakes: Readonly<Record<string, readonly [right: string | RegExp, wrong: string]>> = {
  "a board's field that is not known": [`"refresh": "5s"`, `"refreshes": "5s"`],
  "a board without its schema's version": [/"schemaVersion": \d+,/, ``],
  "a time that is not from and to": [`"time": { "from": "now-15m", "to": "now" }`, `"time": "now-15m"`],
  "a cursor's number that is none": [`"graphTooltip": 1`, `"graphTooltip": 3`],
  "a variable's field that is not known": [`"sort": 1`, `"sorted": 1`],
  "a kind of variable that is none": [`"type": "query"`, `"type": "choice"`],
  "a refresh of a variable that is none": [`"refresh": 2`, `"refresh": "always"`],
  "a link of no kind": [`"type": "dashboards"`, `"type": "boards"`],
  "an annotation's field that is not known": [`"iconColor": "red"`, `"iconColor": "red", "colour": "red"`],
  "an annotation without its colour": [`"iconColor": "red",`, ``],
  "a panel of a kind that is gone": [`"type": "timeseries"`, `"type": "graph"`],
  "a panel's field that is not known": [`"noValue": "nothing"`, `"ifNone": "nothing"`],
  "a unit that is no name": [/"unit": "\w+"/, `"unit": 1`],
  "a legend that is none": [`"displayMode": "list"`, `"displayMode": "rows"`],
  "a legend that is not said whole": [`"placement": "bottom", `, ``],
  "an option of lines that is not known": [`"tooltip": { "mode"`, `"hover": { "mode"`],
  "a line's width that is no number": [`"lineWidth": 1`, `"lineWidth": "1"`],
  "a line's field that is not known": [`"lineWidth": 1`, `"lineHeight": 1`],
  "a colour of a stat that is none": [`"colorMode": "value"`, `"colorMode": "loud"`],
  "an option of a stat that is not known": [`"graphMode": "area"`, `"graph": "area"`],
  "thresholds of no kind": [`"mode": "absolute"`, `"mode": "relative"`],
  "a query's field that is not known": [`"legendFormat"`, `"legend"`],
  "a query without its expression": [/"expr": ".*",\s+"refId"/, `"refId"`],
  "a query that is asked maybe": [`"instant": false`, `"instant": "maybe"`],
};
/** It has a panel of each kind, and everything else that a board has. */
const whole = boards["squall-slo.json"] ?? "";
const planted = Object.fromEntries(
  Object.entries(mistakes).map(([what, [right, wrong]]) => [what, whole.replace(right, wrong)]),
);

let schemas: ReadonlyMap<string, GrafanaSchema>;
beforeAll(() => {
  schemas = new Map(grafanaVersions.map((version) => [version, grafanaSchema(version)]));
});

test.each(grafanaVersions)("Grafana %s: its schema knows all that is in a board", (version) => {
  const schema = schemas.get(version);
  expect(Object.keys(boards).length).toBeGreaterThan(5);
  expect(schema?.complaints(boards)).toEqual([]);
  for (const [name, json] of Object.entries(boards)) {
    const { schemaVersion } = z.object({ schemaVersion: z.int() }).parse(JSON.parse(json));
    expect(schemaVersion, name).toBeLessThanOrEqual(schema?.schemaVersion ?? 0);
  }
});

test.each(grafanaVersions)("Grafana %s: no planted mistake passes its schema", (version) => {
  for (const [what, json] of Object.entries(planted)) expect(json, what).not.toBe(whole);
  const complaints = schemas.get(version)?.complaints(planted) ?? [];
  const found = new Set(complaints.map((each) => each.split(":")[0]));
  expect(Object.keys(mistakes).filter((what) => !found.has(what))).toEqual([]);
});
