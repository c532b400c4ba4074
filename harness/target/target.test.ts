import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { formatEdge } from "../base/edge.ts";
import { parseTarget } from "./load-target.ts";
import { edgesOf, kindOf, mixOf, settingsOf } from "./target.ts";

const docs = readFileSync(join(import.meta.dirname, "../../docs/targets.md"), "utf8");
const example: unknown = parse(/```yaml\n(.*?)```/s.exec(docs)?.[1] ?? "");
const kiosk = parseTarget(example, "/kiosk/target.yaml");

test("a target's edges are its clients' and every call", () => {
  expect(edgesOf(kiosk).map(formatEdge)).toEqual([
    "client -> front",
    "front -> stock",
    "stock -> stock-db",
    "stock -> smtp",
  ]);
});

test("paths are absolute, from the target's folder", () => {
  expect(kiosk).toMatchObject({ folder: "/kiosk", journeys: { module: "/kiosk/journeys.ts" } });
});

test("a port is named by its variable alone, or with a number", () => {
  expect(kiosk.services["stock"]?.ports).toEqual({ http: { env: "PORT" } });
  const fixed = structuredClone(example) as { services: { stock: { ports: unknown } } };
  fixed.services.stock.ports = { http: { env: "PORT", port: 8_080 } };
  expect(parseTarget(fixed, "/t.yaml").services["stock"]?.ports).toEqual({
    http: { env: "PORT", port: 8_080 },
  });
});

test("a call goes to the port named http unless it names another", () => {
  expect(kiosk.services["stock"]?.calls["smtp"]?.port).toBe("smtp");
  expect(kiosk.services["front"]?.calls["stock"]?.port).toBe("http");
});

test("an observation is SQL on a store or a path of services", () => {
  expect(kiosk.observations["sales"]).toMatchObject({ kind: "sql", store: "stock-db" });
  expect(kiosk.observations["mails"]).toEqual({ kind: "http", from: ["smtp"], path: "/mailbox" });
});

test("each form of invariant is told by its kind", () => {
  expect(kiosk.invariants).toMatchObject([
    {
      id: "sale-is-mailed-once",
      kind: "has",
      each: "sales",
      where: { status: "done" },
      has: "exactly-one",
      in: "mails",
      whereIn: { subject: "receipt" },
      on: { id: "saleId" },
      equal: { price: "amount" },
    },
    { id: "sale-is-recorded-once", kind: "unique", fields: ["id"] },
    { id: "price-is-not-negative", kind: "at-least", atLeast: { price: 0 } },
    { id: "change-adds-up", kind: "sum", of: ["price", "change"], equals: "paid" },
    { id: "sale-is-over", kind: "is", is: { status: "done" } },
    {
      id: "receipts-follow-each-other",
      kind: "in-order",
      of: "number",
      by: "receivedAtMs",
      per: ["saleId"],
    },
  ]);
});

test("a name is a service, a part outside, a store or nothing of these", () => {
  expect(["front", "smtp", "stock-db", "client", "constructor"].map((name) => kindOf(kiosk, name))).toEqual([
    "service",
    "outside",
    "store",
    undefined,
    undefined,
  ]);
});

test("an objective of a service is of success or of latency, of one route or of all, over a window", () => {
  const day = 86_400_000;
  expect(kiosk.slos).toEqual([
    {
      id: "buying-works",
      kind: "success",
      title: "A sale is answered",
      service: "front",
      requests: { method: "POST", route: "/sales" },
      windowMs: 30 * day,
      atLeastRatio: 0.995,
    },
    {
      id: "buying-is-quick",
      kind: "latency",
      title: "A sale is answered within 500 ms",
      service: "front",
      requests: { method: "POST", route: "/sales" },
      windowMs: 30 * day,
      atLeastRatio: 0.95,
      atMostMs: 500,
    },
  ]);
  const whole = structuredClone(example) as { slos: Record<string, Record<string, unknown>> };
  whole.slos = { all: { title: "All", service: "front", "at-least": "99%", window: "7d" } };
  expect(parseTarget(whole, "/t.yaml").slos).toMatchObject([{ requests: undefined, windowMs: 7 * day }]);
});

test.each([
  [{ service: "frond" }, /unknown service "frond"/],
  [{ route: "/sales" }, /expected a method and a route such as/],
  [{ "at-least": "100%" }, /at most/],
  [{ window: "1h" }, /at least/],
])("an objective of a service with %j is refused", (change, problem) => {
  const wrong = structuredClone(example) as { slos: Record<string, Record<string, unknown>> };
  Object.assign(wrong.slos["buying-works"] ?? {}, change);
  expect(() => parseTarget(wrong, "/t.yaml")).toThrow(problem);
});

test("limits name parts, edges, shares, lengths and hours", () => {
  expect(kiosk.limits).toMatchObject({
    never: ["stock-db", "front -> stock"],
    maxServices: 1,
    maxShareRatio: 0.5,
    maxDurationMs: 300_000,
    hours: [{ days: ["Mon", "Tue", "Wed", "Thu", "Fri"], fromMinute: 540, toMinute: 1_020 }],
  });
});

test("settings have the target's defaults unless chosen", () => {
  expect(settingsOf(kiosk)).toEqual({ patterns: "full" });
  expect(settingsOf(kiosk, { patterns: "none" })).toEqual({ patterns: "none" });
});

test("a mix has its weights, a journey stands for itself, and nothing else stands for anything", () => {
  expect(mixOf(kiosk, "visitor")).toEqual({ look: 9, buy: 1 });
  expect(mixOf(kiosk, "buy")).toEqual({ buy: 1 });
  expect(mixOf(kiosk, "toString")).toBeUndefined();
});

test("a target kept in a run folder reads the same again", () => {
  expect(parseTarget(JSON.parse(JSON.stringify(kiosk.document)), kiosk.file)).toEqual(kiosk);
});
