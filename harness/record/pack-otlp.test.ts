import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readSpans } from "./otlp.ts";
import { packOtlp } from "./pack-otlp.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-otlp-"));
const file = join(folder, "traces.otlp.jsonl");
afterAll(() => rmSync(folder, { recursive: true }));

const span = (spanId: string, more: object) => ({
  traceId: "727fc350237cabf63e7978d46478f692",
  spanId,
  name: "GET /products/:id",
  kind: 2,
  startTimeUnixNano: "1795259459223000000",
  endTimeUnixNano: "1795259459235629437",
  attributes: [{ key: "http.response.status_code", value: { intValue: 0 } }],
  droppedAttributesCount: 0,
  events: [],
  droppedEventsCount: 0,
  status: { code: 0 },
  links: [],
  droppedLinksCount: 0,
  ...more,
});
const request = (...spans: object[]) =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "catalog" } }] },
        scopeSpans: [{ scope: { name: "http" }, spans }],
      },
    ],
  });

it("a packed file is smaller, and has the same spans", () => {
  writeFileSync(
    file,
    [
      request(span("aa", {}), span("bb", { status: { code: 2, message: "no answer" } })),
      request(
        span("cc", {
          links: [{ traceId: "11", spanId: "22", attributes: [] }],
          events: [{ name: "retry", timeUnixNano: "1795259459224000000", droppedAttributesCount: 3 }],
          droppedEventsCount: 1,
        }),
      ),
      "",
    ].join("\n"),
  );
  const before = readSpans(file);
  const sizeBytes = statSync(file).size;
  packOtlp(file);
  expect(readSpans(file)).toEqual(before);
  expect(statSync(file).size).toBeLessThan(0.9 * sizeBytes);
  expect(readFileSync(file, "utf8")).toContain('"droppedEventsCount":1');
  expect(readdirSync(folder)).toEqual(["traces.otlp.jsonl"]);
});

it("a line that was cut off stays as it is", () => {
  const cut = request(span("aa", {})).slice(0, 100);
  writeFileSync(file, `${request(span("bb", {}))}\n${cut}`);
  packOtlp(file);
  expect(readFileSync(file, "utf8").split("\n")[1]).toBe(cut);
});

it("a file that is not there is left so", () => {
  packOtlp(join(folder, "none.jsonl"));
  expect(readdirSync(folder)).toEqual(["traces.otlp.jsonl"]);
});
